// SPDX-License-Identifier: Apache-2.0
//
// One hostile browser sends and requests as much as it can. Beside it are a
// polite one, whose pings and events are timed, and readers that read
// everything: it harms itself only.

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/rules_file.h"

namespace herald::end_to_end {
namespace {

using testing_support::Clock;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::HeraldWorldOptions;
using testing_support::JsonString;
using testing_support::kSlowness;
using testing_support::Milliseconds;
using testing_support::PrometheusText;
using testing_support::RulesFile;
using testing_support::Sign;
using testing_support::WebSocketClient;

// The canary: it listens to `news`, where a backend publishes a number again
// and again, and it pings.
class PoliteClient {
 public:
  explicit PoliteClient(HeraldWorld* world, size_t gateway = 0)
      : world_(world), socket_(world->Open(gateway)) {
    EXPECT_EQ(socket_.Subscribe("news").type(), "subscribed");
  }

  // Publishes and pings, waits for both, and takes the time.
  void Turn() {
    const Clock::time_point begin = Clock::now();
    world_->backend().Broadcast("news", "e",
                                absl::StrCat("\"", ++published_, "\""));
    socket_.Send(R"({"type":"ping"})");
    bool has_pong = false;
    while (received_ < published_ || !has_pong) {
      const Frame frame = socket_.Next();
      ASSERT_FALSE(frame.text().empty()) << "neither event nor pong";
      if (frame.type() == "pong") {
        has_pong = true;
      } else {
        ASSERT_EQ(frame.String("data"), absl::StrCat(++received_));
      }
    }
    worst_ = std::max(
        worst_, std::chrono::duration_cast<Milliseconds>(Clock::now() - begin));
  }

  Milliseconds worst() const { return worst_; }
  int turns() const { return published_; }
  bool open() const { return socket_.open(); }

 private:
  HeraldWorld* const world_;
  WebSocketClient& socket_;
  int published_ = 0;
  int received_ = 0;
  Milliseconds worst_{0};
};

// A turn of the canary takes some milliseconds; this machine may be busy.
constexpr Milliseconds kSoon{1500 * kSlowness};

// So many frames of a type are there; takes all that have arrived.
int CountOf(WebSocketClient& client, const std::string& type) {
  int count = 0;
  while (client.waiting() > 0) count += client.Next().type() == type;
  return count;
}

class AFlood : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> gateway_flags, size_t gateways = 1,
             std::vector<std::string> service_flags = {}) {
    gateway_flags.push_back("--gateway_threads=2");
    world_ = std::make_unique<HeraldWorld>(
        HeraldWorldOptions{.gateways = gateways,
                           .service_flags = std::move(service_flags),
                           .gateway_flags = std::move(gateway_flags)});
  }

  std::vector<WebSocketClient*> Readers(size_t count, size_t gateway = 0) {
    std::vector<WebSocketClient*> readers;
    for (size_t i = 0; i < count; ++i) {
      readers.push_back(&world_->Open(gateway));
      EXPECT_EQ(readers.back()->Subscribe("room").type(), "subscribed");
    }
    return readers;
  }

  // Readers receive all events, and all are open.
  void Drain(const std::vector<WebSocketClient*>& readers) {
    for (WebSocketClient* const one : readers) {
      whispers_ += CountOf(*one, "event");
      ASSERT_TRUE(one->open());
    }
  }

  double Limited(const std::string& limit, size_t gateway = 0) {
    return world_->GatewayMetrics(gateway).Sum(
        "herald_gateway_rate_limited_total", {{"limit", limit}});
  }

  // No other socket was closed for it, and nothing ended.
  void ExpectNoHarm(const PoliteClient& canary) {
    EXPECT_TRUE(canary.open());
    EXPECT_LT(canary.worst(), kSoon);
    for (size_t i = 0; i < 2; ++i) {
      if (i > 0 && gateways_ == 1) break;
      const PrometheusText metrics = world_->GatewayMetrics(i);
      EXPECT_EQ(metrics.Sum("herald_gateway_slow_consumers_total"), 0);
      EXPECT_EQ(metrics.Sum("herald_gateway_link_ended_total"), 0);
    }
    const PrometheusText service = world_->ServiceMetrics();
    EXPECT_EQ(service.Sum("herald_link_overflows_total"), 0);
    EXPECT_EQ(service.Sum("herald_watch_overflows_total"), 0);
  }

  std::unique_ptr<HeraldWorld> world_;
  size_t gateways_ = 1;
  int whispers_ = 0;  // That readers have received.
};

const std::string& LargeText() {
  static const std::string text = "\"" + std::string(60'000, 'x') + "\"";
  return text;
}

TEST_F(AFlood, OfWhispersIsRefusedBeyondTheRate) {
  // So low that readers, which are slow on a busy machine, do not slow it down
  // below the rate.
  Start({"--client_event_rate=2"});
  PoliteClient canary(world_.get());
  const auto readers = Readers(20);
  WebSocketClient& mallory = world_->Open();
  mallory.Subscribe("room");
  for (int i = 0; i < 300; ++i) mallory.Whisper("room", "e", LargeText());
  while (canary.turns() < 40) {
    canary.Turn();
    Drain(readers);
  }
  EXPECT_EQ(mallory.Ping().type(), "error");
  const Frame error = mallory.Next();
  EXPECT_EQ(error.String("code"), "rate_limited");
  EXPECT_EQ(error.String("channel"), "room");
  // Its whispers may be under way yet.
  int refused = 2;
  ASSERT_TRUE(world_->WaitUntil([&] {
    Drain(readers);
    refused += CountOf(mallory, "error");
    return refused > 100;
  }));
  EXPECT_GT(whispers_, 0);
  EXPECT_GT(Limited("whispers"), 100);
  ExpectNoHarm(canary);
  EXPECT_TRUE(mallory.open());
}

// The whispers within the rate are too many if many browsers send them: the
// receivers set the limit.
TEST_F(AFlood, OfWhispersWithoutARateIsHeldBackByItsReaders) {
  gateways_ = 2;
  Start({"--client_event_rate=0", "--client_message_rate=0"}, gateways_);
  PoliteClient canary(world_.get(), 0);
  PoliteClient other(world_.get(), 1);
  auto readers = Readers(20, 0);
  for (WebSocketClient* const one : Readers(20, 1)) readers.push_back(one);
  std::vector<WebSocketClient*> senders;
  for (size_t i = 0; i < 4; ++i) {
    senders.push_back(&world_->Open(i % 2));
    senders.back()->Subscribe("room");
    for (int j = 0; j < 300; ++j) {
      senders.back()->Whisper("room", "e", LargeText());
    }
  }
  while (canary.turns() < 40 || whispers_ < 4000) {
    ASSERT_NO_FATAL_FAILURE(canary.Turn());
    ASSERT_NO_FATAL_FAILURE(Drain(readers));
    ASSERT_NO_FATAL_FAILURE(Drain(senders));
  }
  ExpectNoHarm(canary);
}

TEST_F(AFlood, OfWhispersDoesNotCutAReceiverThatDoesNotRead) {
  Start({"--client_event_rate=0", "--client_message_rate=0"});
  PoliteClient canary(world_.get());
  WebSocketClient& deaf = world_->Open(0, {.receive_buffer = 4096});
  deaf.Subscribe("room");
  deaf.StopReading();
  const auto readers = Readers(2);
  WebSocketClient& mallory = world_->Open();
  mallory.Subscribe("room");
  for (int i = 0; i < 400; ++i) mallory.Whisper("room", "e", LargeText());
  ASSERT_TRUE(world_->WaitUntil([&] {
    return world_->GatewayMetrics(0).Sum(
               "herald_gateway_whispers_dropped_total") > 0;
  }));
  while (canary.turns() < 40) {
    canary.Turn();
    Drain(readers);
  }
  EXPECT_GT(Limited("congestion") + Limited("window"), 0);
  // Some had their share though one does not read.
  ASSERT_TRUE(world_->WaitUntil([&] {
    Drain(readers);
    return whispers_ > 200;
  }));
  ExpectNoHarm(canary);
}

TEST_F(AFlood, OfMessagesIsReadAsFastAsTheRateAllows) {
  Start({"--max_subscriptions=10", "--client_message_rate=100"}, 1,
        {absl::StrCat("--client_timeout=", 2 * kSlowness),
         absl::StrCat("--heartbeat_interval=", kSlowness)});
  PoliteClient canary(world_.get());
  WebSocketClient& mallory = world_->Open();
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 2000; ++i) mallory.Send(R"({"type":"ping"})");
  while (canary.turns() < 10) canary.Turn();
  // The rate and the burst, and no more.
  int pongs = 0;
  ASSERT_TRUE(world_->WaitUntil([&] {
    pongs += CountOf(mallory, "pong");
    return pongs >= 320;
  }));
  const double seconds =
      std::chrono::duration<double>(Clock::now() - begin).count();
  EXPECT_GE(seconds, 2.9);
  EXPECT_LE(pongs, 20 + 100 * (seconds + 1));
  EXPECT_TRUE(mallory.open()) << "it is alive, though its pongs wait";
  EXPECT_GT(Limited("messages"), 0);
  ExpectNoHarm(canary);
}

TEST_F(AFlood, OfRepeatedSubscribesIsAnsweredAsFastAsItIsPaidFor) {
  Start({"--client_message_rate=0"}, 1, {"--secret=s"});
  PoliteClient canary(world_.get());
  const auto join = [&](const std::string& user, size_t info_bytes) {
    WebSocketClient& client = world_->Open();
    const std::string data =
        absl::StrCat(R"({"user_id":")", user, R"(","user_info":")",
                     std::string(info_bytes, 'i'), "\"}");
    const std::string signature =
        Sign("s", absl::StrCat(client.socket_id(), ":presence-big:", data));
    client.AskToSubscribe("presence-big", signature, JsonString(data));
    EXPECT_EQ(client.Next().type(), "subscribed");
    return &client;
  };
  for (int i = 0; i < 60; ++i) join(absl::StrCat("u", i), 1500);
  WebSocketClient& mallory = *join("mallory", 1);
  for (int i = 0; i < 600; ++i) mallory.AskToSubscribe("presence-big");
  int answers = 0;
  while (canary.turns() < 40) {
    canary.Turn();
    answers += CountOf(mallory, "subscribed");
  }
  // 92 kB each, which count eight times: 16 MiB at once, 1 MiB a second.
  EXPECT_GE(answers, 10);
  EXPECT_LE(answers, 100);
  EXPECT_GT(Limited("answers"), 0);
  ExpectNoHarm(canary);
  EXPECT_TRUE(mallory.open());
}

TEST_F(AFlood, OfCancelledRecoveriesDoesNotFillTheLink) {
  const RulesFile rules(
      R"({"pattern":"chat.*","historySize":100,"historyTtl":"60s"})");
  Start({"--client_message_rate=0"}, 1, {rules.flag()});
  PoliteClient canary(world_.get());
  WebSocketClient& ada = world_->Open();
  const std::string epoch = ada.Subscribe("chat.1").String("epoch");
  for (int i = 0; i < 100; ++i) {
    world_->backend().Broadcast("chat.1", "e",
                                "\"" + std::string(8000, 'h') + "\"");
  }
  ASSERT_TRUE(world_->WaitUntil([&] { return ada.waiting() == 100; }));
  const double before = world_->ServiceMetrics().Sum("herald_link_bytes_total");
  WebSocketClient& mallory = world_->Open();
  const std::string subscribe =
      absl::StrCat(R"({"type":"subscribe","channel":"chat.1","recover":)",
                   R"({"epoch":")", epoch, R"(","offset":0}})");
  // Each waits for its recovery, which costs 800 kB, and takes it back.
  int turns = 0;
  for (; turns < 200; ++turns) {
    mallory.Send(subscribe);
    if (turns % 5 == 0) canary.Turn();
    mallory.Send(R"({"type":"unsubscribe","channel":"chat.1"})");
  }
  while (canary.turns() < 60) canary.Turn();
  const double bytes =
      world_->ServiceMetrics().Sum("herald_link_bytes_total") - before;
  EXPECT_LT(bytes, 40 << 20) << "of " << turns * 800'000;
  ExpectNoHarm(canary);
}

}  // namespace
}  // namespace herald::end_to_end
