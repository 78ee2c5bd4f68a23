// SPDX-License-Identifier: Apache-2.0
//
// The time of day is set while a process runs: no duration changes. The clock
// is libfaketime's, which a sanitizer's runtime does not tolerate before
// itself, so this suite is built without sanitizers only.

#include "absl/time/clock.h"

#include <glob.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/process.h"
#include "tests/support/scripted_authorizer.h"
#include "tests/support/temporary_folder.h"

namespace herald::end_to_end {
namespace {

using testing_support::Allow;
using testing_support::Clock;
using testing_support::Deny;
using testing_support::Expiring;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::JsonString;
using testing_support::MakeBroadcast;
using testing_support::Milliseconds;
using testing_support::Process;
using testing_support::ScriptedAuthorizer;
using testing_support::Sign;
using testing_support::Stub;
using testing_support::TemporaryFolder;
using testing_support::WebSocketClient;

namespace net = boost::asio;
using tcp = net::ip::tcp;

// Its path, which names the machine's architecture.
std::string Libfaketime() {
  glob_t found = {};
  const int failed =
      glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, nullptr, &found);
  EXPECT_EQ(failed, 0) << "libfaketime is not installed: ./dev setup";
  std::string path = failed == 0 ? found.gl_pathv[0] : "";
  globfree(&found);
  return path;
}

// The environment of a process with a clock that the file `clock` moves. The
// library reads the file every other second: if each look at the clock did, its
// threads would overwrite each other's text (fixed in August 2026).
std::vector<std::string> ClockOf(const TemporaryFolder& folder) {
  return {absl::StrCat("LD_PRELOAD=", Libfaketime()),
          absl::StrCat("FAKETIME_TIMESTAMP_FILE=", folder.Path("clock")),
          "FAKETIME_CACHE_DURATION=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"};
}

// The clock of the service.
class SettingTheClock : public ::testing::Test {
 protected:
  static constexpr char kSecret[] = "secret";
  static constexpr char kRoom[] = "presence-room";

  void SetUp() override {
    folder_.Write("clock", "+0");
    folder_.Write("rules.json", R"({"channels": [
        {"pattern": "presence-*", "memberGrace": "3s"},
        {"pattern": "news", "historySize": 10, "historyTtl": "600s"}]})");
    world_ = std::make_unique<HeraldWorld>(testing_support::HeraldWorldOptions{
        .gateways = 1,
        .service_flags = {absl::StrCat("--secret=", kSecret),
                          absl::StrCat("--config=",
                                       folder_.Path("rules.json"))},
        .service_environment = ClockOf(folder_)});
  }

  // Returns when the service has noticed it: its times of day move.
  void SetClock(const std::string& offset) {
    const auto shown = [&] {
      return world_->backend()
          .Call(&Stub::GetStats, {})
          .response.start_time()
          .seconds();
    };
    const int64_t before = shown();
    folder_.Write("clock", offset);
    world_->WaitUntil([&] { return std::abs(shown() - before) > 1000; });
  }

  void Join(WebSocketClient* client, absl::string_view user) {
    const std::string data = absl::StrCat(R"({"user_id":")", user, "\"}");
    client->AskToSubscribe(
        kRoom,
        Sign(kSecret, absl::StrCat(client->socket_id(), ":", kRoom, ":", data)),
        JsonString(data));
    EXPECT_EQ(client->Next().type(), "subscribed");
  }

  const TemporaryFolder folder_;
  std::unique_ptr<HeraldWorld> world_;
};

TEST_F(SettingTheClock, MovesNoDuration) {
  WebSocketClient& ada = world_->Open(0);
  WebSocketClient& bob = world_->Open(0);
  Join(&ada, "ada");
  Join(&bob, "bob");
  EXPECT_EQ(ada.Next().type(), "member_added");
  auto broadcast = MakeBroadcast({"news"}, "e", "1");
  broadcast.set_idempotency_key("key");
  const auto first = world_->backend().Call(&Stub::Broadcast, broadcast);
  EXPECT_EQ(first.response.receipts(0).offset(), 1);

  bob.Drop();
  SetClock("-3600");
  EXPECT_EQ(ada.Next().type(), "member_removed");
  EXPECT_EQ(world_->backend().Members(kRoom), "ada (1)");

  SetClock("+7200");
  v1::GetHistoryRequest request;
  request.set_channel("news");
  const auto history = world_->backend().Call(&Stub::GetHistory, request);
  EXPECT_EQ(history.response.messages_size(), 1);
  const auto again = world_->backend().Call(&Stub::Broadcast, broadcast);
  EXPECT_EQ(again.response.receipts(0).offset(), 1);
}

TEST(SettingTheClockOfAGateway, MovesNoGrantAndNoHeartbeat) {
  const TemporaryFolder folder;
  folder.Write("clock", "+0");
  ScriptedAuthorizer authorizer;
  authorizer.Answer([](const v1::AuthorizeRequest& question) {
    const bool is_short = question.channel() == "private-short";
    return std::vector{
        Expiring(Allow(question), Milliseconds(is_short ? 3'000 : 3'600'000))};
  });
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + authorizer.address(),
                         "--heartbeat_interval=1", "--client_timeout=2"},
       .gateway_flags = {"--log_level=debug"},
       .gateway_environment = ClockOf(folder)});
  // Returns when the gateway's log shows it.
  const auto set_clock = [&](int days) {
    folder.Write("clock", absl::StrCat(days < 0 ? "" : "+", days, "d"));
    const std::string date = absl::FormatTime(
        "%Y-", absl::Now() + days * absl::Hours(24), absl::UTCTimeZone());
    EXPECT_TRUE(world.WaitUntil([&] {
      world.Open().Close();
      return absl::StrContains(
          absl::StrJoin(world.gateway(0).StandardError(), "\n"), date);
    }));
  };
  WebSocketClient& ada = world.Open();
  WebSocketClient& silent = world.Open();
  EXPECT_EQ(ada.Subscribe("private-long", "t").type(), "subscribed");
  EXPECT_EQ(silent.Subscribe("news").type(), "subscribed");
  silent.StopReading();
  EXPECT_EQ(ada.Subscribe("private-short", "t").type(), "subscribed");
  authorizer.Answer([](const v1::AuthorizeRequest& question) {
    return std::vector{Deny(question, "no more")};
  });

  set_clock(-3650);
  const Frame ended = ada.Next();
  EXPECT_EQ(ended.type(), "unsubscribed") << ended;
  EXPECT_EQ(ended.String("channel"), "private-short");
  EXPECT_TRUE(world.WaitUntil(
      [&] { return world.backend().Broadcast("news", "e", "1") == 0; }));
  silent.ResumeReading();
  EXPECT_EQ(silent.WaitForClose(), 4002);

  const size_t asked = authorizer.question_count();
  set_clock(3650);
  const auto end = Clock::now() + std::chrono::seconds(1);
  world.WaitUntil([&] { return Clock::now() > end; });
  EXPECT_EQ(ada.Ping().type(), "pong") << "another frame came first";
  EXPECT_EQ(authorizer.question_count(), asked);
}

// Its connection is accepted and never answered.
TEST(SettingTheClockOfACaller, MovesNoDeadline) {
  const TemporaryFolder folder;
  folder.Write("clock", "+0");
  net::io_context context;
  const tcp::acceptor silent(context, {net::ip::make_address("127.0.0.1"), 0});
  Process caller(
      {HERALD_COMMAND, "stats", "--timeout=4s",
       absl::StrCat("--address=127.0.0.1:", silent.local_endpoint().port())},
      {.environment = ClockOf(folder)});
  std::this_thread::sleep_for(std::chrono::seconds(1));
  folder.Write("clock", "-3600");
  EXPECT_EQ(caller.WaitForExit().code, 1);
}

}  // namespace
}  // namespace herald::end_to_end
