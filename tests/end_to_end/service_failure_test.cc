// SPDX-License-Identifier: Apache-2.0
//
// The service dies, and no browser notices: DESIGN section 8, third row, with
// real processes and kill -9.

#include <signal.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/room.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using testing_support::Clock;
using testing_support::Exit;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::HttpAnswer;
using testing_support::HttpGet;
using testing_support::JsonString;
using testing_support::kSlowness;
using testing_support::MakeBroadcast;
using testing_support::Milliseconds;
using testing_support::Process;
using testing_support::ScriptedAuthorizer;
using testing_support::Sign;
using testing_support::Stub;
using testing_support::WebSocketClient;

constexpr char kSecret[] = "secret";

// Joins the room with a signature, so that no authorizer is in the way.
void Join(WebSocketClient* client, absl::string_view user) {
  const std::string data = absl::StrCat(R"({"user_id":")", user, "\"}");
  client->AskToSubscribe(
      kRoom,
      Sign(kSecret, absl::StrCat(client->socket_id(), ":", kRoom, ":", data)),
      JsonString(data));
}

std::string PublishedOn(absl::string_view channel, absl::string_view data) {
  return absl::StrCat(R"({"type":"event","event":"e","channel":")", channel,
                      R"(","data":)", data, "}");
}

class ServiceFailure : public ::testing::Test {
 protected:
  void KillService() {
    world_.service().Kill();
    for (size_t gateway : {0, 1}) {
      world_.WaitUntil([&] {
        return HttpGet(world_.gateway_address(gateway), "/readyz").status ==
               503;
      });
    }
  }

  // Publishes until one is answered with OK, and returns that one's receipt.
  int64_t BroadcastUntilOk(const std::string& channel,
                           const std::string& data) {
    grpc::Status status;
    int64_t subscribers = -1;
    world_.WaitUntil([&] {
      const auto result = world_.backend().Call(
          &Stub::Broadcast, MakeBroadcast({channel}, "e", data));
      status = result.status;
      if (!status.ok()) {
        EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE)
            << status.error_message();
        return false;
      }
      subscribers = result.response.receipts(0).subscribers();
      return true;
    });
    return subscribers;
  }

  HeraldWorld world_{{.service_flags = {absl::StrCat("--secret=", kSecret)},
                      .is_restartable = true}};
};

TEST_F(ServiceFailure, UnderAThousandSocketsClosesNoneAndReachesAllAfterIt) {
  constexpr size_t kSockets = 1000;
  constexpr size_t kMembers = 20;
  const std::vector<WebSocketClient*> clients = world_.OpenMany(kSockets);
  ASSERT_EQ(clients.size(), kSockets);
  for (WebSocketClient* client : clients) client->AskToSubscribe("news");
  for (WebSocketClient* client : clients) {
    ASSERT_EQ(client->Next().type(), "subscribed");
  }
  std::vector<std::string> users;
  for (size_t i = 0; i < kMembers; ++i) {
    users.push_back(absl::StrCat("user-", 10 + i));
    Join(clients[i], users.back());
    ASSERT_EQ(clients[i]->Next().type(), "subscribed");
    for (size_t j = 0; j < i; ++j) {
      ASSERT_EQ(clients[j]->Next().type(), "member_added");
    }
  }
  const std::string roster = world_.backend().Members(kRoom);
  KillService();

  const Clock::time_point restart = Clock::now();
  world_.StartService();
  EXPECT_EQ(BroadcastUntilOk("news", "1"), int64_t{kSockets});
  for (WebSocketClient* client : clients) {
    ASSERT_EQ(client->Next(), PublishedOn("news", "1"))
        << "no member is announced twice, and nothing else arrives";
  }
  const auto took = Clock::now() - restart;

  EXPECT_LT(took, Milliseconds(1500) * kSlowness);
  EXPECT_EQ(world_.backend().Members(kRoom), roster);
  for (WebSocketClient* client : clients) ASSERT_TRUE(client->open());
  // Rosters are true for newcomers, and they for the others.
  WebSocketClient& newcomer = world_.Open(1);
  Join(&newcomer, "newcomer");
  EXPECT_EQ(newcomer.Next().Members().size(), kMembers + 1);
  for (size_t i = 0; i < kMembers; ++i) {
    EXPECT_EQ(clients[i]->Next().String("user_id"), "newcomer");
  }
}

TEST_F(ServiceFailure, SubscribingAndPresenceWorkSoonAfterTheRestart) {
  WebSocketClient& ada = world_.Open(0);
  WebSocketClient& bob = world_.Open(1);
  Join(&ada, "ada");
  EXPECT_EQ(ada.Next().type(), "subscribed");
  KillService();

  const Clock::time_point restart = Clock::now();
  world_.StartService();
  EXPECT_TRUE(world_.WaitUntil(
      [&] { return bob.Subscribe("news").type() == "subscribed"; }));
  Join(&bob, "bob");
  const Frame joined = bob.Next();
  const Frame added = ada.Next();
  const auto took = Clock::now() - restart;

  EXPECT_EQ(joined.Members().size(), 2u) << joined;
  EXPECT_EQ(added.String("user_id"), "bob") << added;
  EXPECT_LT(took, Milliseconds(1500) * kSlowness);
}

TEST_F(ServiceFailure, MeanwhileSubscribesAndWhispersGetAnAnswerAndPingsWork) {
  WebSocketClient& ada = world_.Open(0);
  ada.Subscribe("news");
  KillService();

  const Frame refused = ada.Subscribe("other");
  EXPECT_EQ(refused.type(), "subscription_error");
  EXPECT_EQ(refused.String("code"), "unavailable");
  ada.Whisper("news", "e", "1");
  EXPECT_EQ(ada.Next().type(), "error");
  EXPECT_EQ(ada.Ping().type(), "pong");
  WebSocketClient& newcomer = world_.Open(1);
  EXPECT_EQ(newcomer.Subscribe("news").String("code"), "unavailable");
  EXPECT_EQ(ada.Subscribe("news").type(), "subscribed") << "it still is";

  world_.StartService();
  world_.WaitUntil([&] {
    const Frame answer = newcomer.Subscribe("news");
    if (answer.type() == "subscribed") return true;
    EXPECT_EQ(answer.String("code"), "unavailable") << answer;
    return false;
  });
  EXPECT_EQ(world_.backend().Broadcast("news", "e", "1"), 2);
}

TEST_F(ServiceFailure, ALeaveMeanwhileIsReportedOnceAndAReturnIsNot) {
  WebSocketClient& ada = world_.Open(0);
  WebSocketClient& bob = world_.Open(0);
  WebSocketClient& eve = world_.Open(1);
  WebSocketClient& leaver = world_.Open(1);
  Join(&ada, "ada");
  EXPECT_EQ(ada.Next().type(), "subscribed");
  Join(&bob, "bob");
  EXPECT_EQ(bob.Next().type(), "subscribed");
  Join(&eve, "eve");
  EXPECT_EQ(eve.Next().type(), "subscribed");
  Join(&leaver, "leaver");
  EXPECT_EQ(leaver.Next().type(), "subscribed");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ada.Next().type(), "member_added");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(bob.Next().type(), "member_added");
  EXPECT_EQ(eve.Next().type(), "member_added");
  KillService();
  leaver.Drop();
  EXPECT_EQ(bob.Unsubscribe(kRoom).type(), "unsubscribed");
  // The gateway has seen the leaver go before the service is back.
  world_.WaitUntil([&] {
    return HttpGet(world_.gateway_address(1), "/metrics").status == 200 &&
           world_.GatewayMetrics(1).Sum("herald_gateway_connections") == 1;
  });

  world_.StartService();
  BroadcastUntilOk(kRoom, "1");

  for (WebSocketClient* client : {&ada, &eve}) {
    std::vector<std::string> gone;
    for (Frame frame = client->Next(); frame.type() != "event";
         frame = client->Next()) {
      EXPECT_EQ(frame.type(), "member_removed") << frame;
      if (frame.type() != "member_removed") break;
      gone.push_back(frame.String("user_id"));
    }
    // Some gateways may receive it just after the first event.
    while (gone.size() < 2) gone.push_back(client->Next().String("user_id"));
    EXPECT_THAT(gone, ::testing::UnorderedElementsAre("bob", "leaver"));
  }
  EXPECT_EQ(world_.backend().Members(kRoom), "ada (1), eve (1)");
  world_.backend().Broadcast(kRoom, "e", "2");
  EXPECT_EQ(ada.Next(), PublishedOn(kRoom, "2"));
  EXPECT_EQ(eve.Next(), PublishedOn(kRoom, "2"));
}

TEST_F(ServiceFailure, AgainAndAgainChangesNothing) {
  WebSocketClient& ada = world_.Open(0);
  WebSocketClient& bob = world_.Open(1);
  ada.Subscribe("news");
  bob.Subscribe("news");
  for (int round = 0; round < 3; ++round) {
    world_.service().Kill();
    world_.StartService();
    EXPECT_EQ(BroadcastUntilOk("news", absl::StrCat(round)), 2);
    EXPECT_EQ(ada.Next(), PublishedOn("news", absl::StrCat(round)));
    EXPECT_EQ(bob.Next(), PublishedOn("news", absl::StrCat(round)));
  }
}

TEST_F(ServiceFailure, ByAWatchersViewIsUnavailable) {
  auto watch = world_.backend().Watch({"news"});
  EXPECT_TRUE(watch->Next().has_connected());
  world_.service().Signal(SIGTERM);
  EXPECT_EQ(watch->WaitForEnd().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServiceFailure, ByATermSignalIsAnExitWithZeroAndSocketsStay) {
  WebSocketClient& ada = world_.Open(0);
  ada.Subscribe("news");
  const auto context = world_.backend().MakeContext();
  const auto stream = world_.backend().stub()->BroadcastStream(context.get());
  v1::BroadcastStreamResponse response;
  EXPECT_TRUE(stream->Write({}) && stream->Read(&response));  // It is there.

  world_.service().Signal(SIGTERM);

  EXPECT_EQ(world_.service().WaitForExit(), (Exit{0, 0}));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ada.Ping().type(), "pong");
  world_.StartService();
  EXPECT_EQ(BroadcastUntilOk("news", "1"), 1);
  EXPECT_EQ(ada.Next(), PublishedOn("news", "1"));
}

TEST_F(ServiceFailure, ByAStopIsFoundByKeepaliveAndSurvived) {
  WebSocketClient& ada = world_.Open(0);
  ada.Subscribe("news");
  world_.service().Signal(SIGSTOP);

  // 5 s and 3 s until the gateway no longer believes in the link.
  world_.WaitUntil(
      [&] {
        return HttpGet(world_.gateway_address(0), "/readyz").status == 503;
      },
      std::chrono::seconds(30));
  EXPECT_EQ(ada.Subscribe("other").String("code"), "unavailable");
  EXPECT_EQ(ada.Ping().type(), "pong");

  world_.service().Signal(SIGCONT);
  world_.WaitUntil([&] {
    return HttpGet(world_.gateway_address(0), "/readyz").status == 200;
  });
  // The backend's own connection has broken, too.
  EXPECT_EQ(BroadcastUntilOk("news", "1"), 1);
  EXPECT_EQ(ada.Next(), PublishedOn("news", "1"));
}

// Two services that do not know each other: a publication reaches the gateways
// of its own service only.
TEST(OfTwoServices, TheFirstHasAllGatewaysAgainSoonAfterItsReturn) {
  HeraldWorld first({.gateways = 0, .is_restartable = true});
  HeraldWorld second({.gateways = 0});
  const std::string services =
      absl::StrCat(first.grpc_address(), ",", second.grpc_address());
  Process gateway({testing_support::kGatewayBinary, "--ws_address=127.0.0.1:0",
                   "--service=" + services});
  gateway.WaitForLine("link settled");
  WebSocketClient ada(&first.loop(),
                      {.address = gateway.ListeningAddress("ws")});
  ASSERT_TRUE(ada.WaitForConnected());
  EXPECT_EQ(ada.Subscribe("news").type(), "subscribed");

  first.service().Kill();
  first.WaitUntil([&] {
    return second.backend().Call(&Stub::GetStats, {}).response.client_count() ==
           1;
  });
  EXPECT_EQ(HttpGet(second.metrics_address(), "/readyz").body, "ready\n");
  first.StartService();
  gateway.WaitForLine("returning to service " + first.grpc_address());

  first.WaitUntil([&] {
    const auto sent = first.backend().Call(&Stub::Broadcast,
                                           MakeBroadcast({"news"}, "e", "1"));
    return sent.response.receipts_size() == 1 &&
           sent.response.receipts(0).subscribers() == 1;
  });
  EXPECT_EQ(ada.Next().type(), "event");
  EXPECT_TRUE(ada.open());
  second.service().WaitForLine("gateway moves to another service");
  EXPECT_EQ(second.ServiceMetrics().Sum("herald_gateways_moved_total"), 1);
  const HttpAnswer ready = HttpGet(second.metrics_address(), "/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_THAT(ready.body, HasSubstr("all gateways have left"));
  EXPECT_EQ(HttpGet(first.metrics_address(), "/readyz").body, "ready\n");
}

TEST(AfterAServiceFailure, LimitsDoNotApplyToExistingSubscriptions) {
  HeraldWorld world(
      {.service_flags = {"--max_channels=2", "--max_subscribers=1"},
       .is_restartable = true});
  WebSocketClient& ada = world.Open(0);
  ada.Subscribe("a");
  ada.Subscribe("b");
  world.service().Kill();
  world.StartService();
  world.WaitUntilReady();

  EXPECT_EQ(world.backend().Broadcast("a", "e", "1"), 1);
  EXPECT_EQ(ada.Next(), PublishedOn("a", "1"));
  WebSocketClient& bob = world.Open(1);
  EXPECT_EQ(bob.Subscribe("a").String("code"), "channel_full");
  EXPECT_EQ(bob.Subscribe("c").String("code"), "too_many_channels");
}

TEST(AfterAServiceFailure, RevocationsAndGrantsGoOn) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world({.service_flags = {"--authorizer=" + authorizer.address()},
                     .is_restartable = true});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("private-x", "user:ada");
  bob.Subscribe("private-x", "user:bob");
  world.service().Kill();
  world.StartService();
  world.WaitUntilReady();
  world.WaitUntil([&] { return authorizer.stream_count() == 2; });

  EXPECT_EQ(world.backend().Broadcast("private-x", "e", "1"), 2);
  authorizer.Send(testing_support::RevokeUser("ada", "private-x", "gone"));

  EXPECT_EQ(ada.Next().type(), "event");
  EXPECT_EQ(ada.Next().String("reason"), "gone");
  v1::DisconnectRequest request;
  request.set_user_id("bob");
  EXPECT_EQ(world.backend()
                .Call(&Stub::Disconnect, request)
                .response.disconnected_count(),
            1);
  EXPECT_EQ(bob.Next().type(), "event");
  EXPECT_EQ(bob.WaitForClose(), 4003);
}

}  // namespace
}  // namespace herald::end_to_end
