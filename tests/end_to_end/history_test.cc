// SPDX-License-Identifier: Apache-2.0
//
// Nothing is lost, or the client is notified: channels with a history, with
// real processes. (The chaos suite does this at random.)

#include <signal.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/rules_file.h"

namespace herald::end_to_end {
namespace {

using testing_support::Backend;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::MakeBroadcast;
using testing_support::RulesFile;
using testing_support::Stub;
using testing_support::WebSocketClient;

using ::testing::HasSubstr;

struct Place {
  std::string epoch;
  int64_t offset = 0;
};

class History : public ::testing::Test {
 protected:
  // Publishes `data` to the channel; its place.
  Place Publish(const std::string& channel, const std::string& data,
                const std::string& key = "") {
    auto request = MakeBroadcast({channel}, "e", data);
    request.set_idempotency_key(key);
    // A new one, for the service may be another than before.
    const auto result =
        Backend(world_.grpc_address()).Call(&Stub::Broadcast, request);
    EXPECT_TRUE(result.status.ok()) << result.status.error_message();
    if (!result.status.ok()) return {};
    const auto& receipt = result.response.receipts(0);
    return {receipt.epoch(), receipt.offset()};
  }

  // Subscribes a browser that was at `place`.
  Frame Return(WebSocketClient& browser, const std::string& channel,
               const Place& place) {
    browser.Send(absl::StrCat(R"({"type":"subscribe","channel":")", channel,
                              R"(","recover":{"epoch":")", place.epoch,
                              R"(","offset":)", place.offset, "}}"));
    return browser.Next();
  }

  static std::string Subscribed(const std::string& channel, const Place& place,
                                const std::string& recovered = "") {
    return absl::StrCat(
        R"({"type":"subscribed","channel":")", channel, R"(","epoch":")",
        place.epoch, R"(","offset":)", place.offset,
        recovered.empty() ? "" : ",\"recovered\":" + recovered, "}");
  }
  static std::string Event(const std::string& channel, const std::string& data,
                           int64_t offset) {
    return absl::StrCat(R"({"type":"event","event":"e","channel":")", channel,
                        R"(","data":)", data, R"(,"offset":)", offset, "}");
  }

  const RulesFile rules_{
      R"({"pattern":"chat.*","historySize":10,"historyTtl":"60s"})"};
  HeraldWorld world_{
      {.service_flags = {rules_.flag()}, .is_restartable = true}};
};

TEST_F(History, FollowsAClientToAnotherGateway) {
  WebSocketClient& ada = world_.Open(0);
  const Frame subscribed = ada.Subscribe("chat.1");
  const std::string epoch = subscribed.String("epoch");
  EXPECT_EQ(subscribed.text(), Subscribed("chat.1", {epoch, 0}));
  EXPECT_EQ(Publish("chat.1", "1").offset, 1);
  EXPECT_EQ(ada.Next(), Event("chat.1", "1", 1));
  ada.Drop();
  Publish("chat.1", "2");
  Publish("chat.1", "3");

  WebSocketClient& back = world_.Open(1);
  EXPECT_EQ(Return(back, "chat.1", {epoch, 1}).text(),
            Subscribed("chat.1", {epoch, 3}, "true"));
  EXPECT_EQ(back.Next(), Event("chat.1", "2", 2));
  EXPECT_EQ(back.Next(), Event("chat.1", "3", 3));
  Publish("chat.1", "4");
  EXPECT_EQ(back.Next(), Event("chat.1", "4", 4));
}

TEST_F(History, IsAllOrNothing) {
  WebSocketClient& ada = world_.Open(0);
  const std::string epoch = ada.Subscribe("chat.1").String("epoch");
  for (int i = 1; i <= 12; ++i) Publish("chat.1", absl::StrCat(i));
  // Ten are remembered.
  WebSocketClient& late = world_.Open(1);
  EXPECT_EQ(Return(late, "chat.1", {epoch, 1}).text(),
            Subscribed("chat.1", {epoch, 12}, "false"));
  Publish("chat.1", "13");
  EXPECT_EQ(late.Next(), Event("chat.1", "13", 13));
  for (const Place& wrong : {Place{epoch, 14}, Place{"another", 3}}) {
    EXPECT_EQ(Return(world_.Open(0), "chat.1", wrong).text(),
              Subscribed("chat.1", {epoch, 13}, "false"));
  }
  EXPECT_EQ(world_.GatewayMetrics(0).Sum("herald_gateway_recoveries_total",
                                         {{"outcome", "lost"}}),
            2);
}

TEST_F(History, GivesTheLatestEventToALateSubscriber) {
  Publish("chat.state", R"({"n":1})");
  const Place latest = Publish("chat.state", R"({"n":2})");
  WebSocketClient& ada = world_.Open(0);
  EXPECT_EQ(Return(ada, "chat.state", {"", 0}).text(),
            Subscribed("chat.state", latest, "true"));
  EXPECT_EQ(ada.Next(), Event("chat.state", R"({"n":2})", 2));
  EXPECT_EQ(world_.GatewayMetrics(0).Sum("herald_gateway_recoveries_total",
                                         {{"outcome", "recovered"}}),
            1);
}

TEST_F(History, IsNotForChannelsWithoutARule) {
  const Place none = Publish("news", "1");
  EXPECT_EQ(none.epoch, "");
  EXPECT_EQ(Return(world_.Open(0), "news", {"e", 1}).text(),
            R"({"type":"subscribed","channel":"news","recovered":false})");
}

TEST_F(History, ComplainsOfAPositionThatIsNone) {
  WebSocketClient& ada = world_.Open(0);
  EXPECT_THAT(Return(ada, "chat.1", {"e", -1}).text(),
              HasSubstr("must be an integer that is not negative"));
  EXPECT_EQ(ada.Subscribe("chat.1").type(), "subscribed");
}

TEST_F(History, CountsARepeatedPublishOnce) {
  WebSocketClient& ada = world_.Open(0);
  ada.Subscribe("chat.1");
  const Place first = Publish("chat.1", "1", "key");
  EXPECT_EQ(Publish("chat.1", "1", "key").offset, first.offset);
  Publish("chat.1", "2");
  EXPECT_EQ(ada.Next(), Event("chat.1", "1", 1));
  EXPECT_EQ(ada.Next(), Event("chat.1", "2", 2));
}

TEST_F(History, IsReadInPages) {
  for (int i = 1; i <= 5; ++i) Publish("chat.1", absl::StrCat(i));
  v1::GetHistoryRequest request;
  request.set_channel("chat.1");
  request.set_limit(3);
  std::vector<std::string> data;
  while (true) {
    const auto page = world_.backend().Call(&Stub::GetHistory, request);
    ASSERT_TRUE(page.status.ok()) << page.status.error_message();
    for (const auto& event : page.response.messages()) {
      data.push_back(event.data());
      request.mutable_since()->set_offset(event.offset());
    }
    request.mutable_since()->set_epoch(page.response.epoch());
    if (request.since().offset() == page.response.offset()) break;
  }
  EXPECT_THAT(data, ::testing::ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(History, IsReportedLostWhenTheServiceIsKilled) {
  WebSocketClient& ada = world_.Open(0);
  const std::string epoch = ada.Subscribe("chat.1").String("epoch");
  Publish("chat.1", "1");
  ada.Next();
  world_.service().Kill();
  world_.service().WaitForExit();
  world_.StartService();
  world_.WaitUntilReady();

  const Frame told = ada.Next();
  const std::string now = told.String("epoch");
  EXPECT_NE(now, epoch);
  EXPECT_EQ(told.text(), Subscribed("chat.1", {now, 0}, "false"));
  EXPECT_EQ(Publish("chat.1", "2").epoch, now);
  EXPECT_EQ(ada.Next(), Event("chat.1", "2", 1));
  EXPECT_TRUE(ada.open());
}

TEST_F(History, IsMadeUpForWhenAGatewayLosesItsLink) {
  WebSocketClient& ada = world_.Open(0);
  const std::string epoch = ada.Subscribe("chat.1").String("epoch");
  Publish("chat.1", "1");
  EXPECT_EQ(ada.Next(), Event("chat.1", "1", 1));
  // Stopped for so long that the service ends the link, and the gateway finds
  // it ended when it goes on.
  world_.gateway(0).Signal(SIGSTOP);
  ASSERT_TRUE(world_.WaitUntil(
      [&] { return world_.ServiceMetrics().Sum("herald_gateways") == 1; },
      3 * testing_support::kPatience));
  Publish("chat.1", "2");
  Publish("chat.1", "3");
  world_.gateway(0).Signal(SIGCONT);
  EXPECT_EQ(ada.Next(), Event("chat.1", "2", 2));
  EXPECT_EQ(ada.Next(), Event("chat.1", "3", 3));
  Publish("chat.1", "4");
  EXPECT_EQ(ada.Next(), Event("chat.1", "4", 4));
}

}  // namespace
}  // namespace herald::end_to_end
