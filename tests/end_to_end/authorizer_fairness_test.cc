// SPDX-License-Identifier: Apache-2.0
//
// Which questions an authorizer with too much to do is asked first, and which
// wait: addresses as proxies forward them, and sockets that are refused one
// channel after the other.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Clock;
using testing_support::HeraldWorld;
using testing_support::HeraldWorldOptions;
using testing_support::kSlowness;
using testing_support::Milliseconds;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;

// 300 sockets of a greedy client ask for five channels each, of an authorizer
// that decides 200 a second. Then a polite client asks for one.
class AForwardedAddress : public ::testing::Test {
 protected:
  static constexpr size_t kGreedy = 300;
  static constexpr int kChannels = 5;

  void Start(std::vector<std::string> gateway_flags) {
    authorizer_.DecideOnThreads(4, Milliseconds(20));
    world_.emplace(HeraldWorldOptions{
        .service_flags = {"--authorizer=" + authorizer_.address(),
                          "--authorizer-timeout=3"},
        .gateway_flags = std::move(gateway_flags)});
  }

  WebSocketClient& OpenFrom(size_t gateway, const std::string& forwarded,
                            const std::string& source = "127.0.0.1") {
    return world_->Open(gateway, {.headers = {{"X-Forwarded-For", forwarded}},
                                  .source = source});
  }

  void AskGreedily(const std::vector<WebSocketClient*>& greedy) {
    for (WebSocketClient* client : greedy) {
      for (int i = 0; i < kChannels; ++i) {
        client->AskToSubscribe(absl::StrCat("private-", i), "yes");
      }
    }
    // All of them are with the service by then.
    EXPECT_TRUE(world_->WaitUntil([&] {
      return world_->ServiceMetrics().Sum(
                 "herald_authorizer_questions_queued") +
                 static_cast<double>(authorizer_.question_count()) >=
             kGreedy * kChannels;
    }));
  }

  // How many questions of others the authorizer gets before that of `polite`.
  size_t OthersBefore(WebSocketClient& polite) {
    const size_t before = authorizer_.question_count();
    polite.AskToSubscribe("private-polite", "yes");
    EXPECT_TRUE(world_->WaitUntil([&] { return polite.waiting() > 0; }));
    EXPECT_EQ(polite.Next().type(), "subscribed");
    const auto questions = authorizer_.questions();
    const auto own = std::find_if(
        questions.begin(), questions.end(), [](const auto& question) {
          return question.channel() == "private-polite";
        });
    return static_cast<size_t>(own - questions.begin()) - before;
  }

  ScriptedAuthorizer authorizer_;
  std::optional<HeraldWorld> world_;
};

TEST_F(AForwardedAddress, HasItsTurnBesideAnotherOneOfTheSameProxy) {
  Start({"--trusted-proxies=127.0.0.1"});
  std::vector<WebSocketClient*> greedy;
  while (greedy.size() < kGreedy) {
    greedy.push_back(&OpenFrom(greedy.size() % 2, "203.0.113.7"));
  }
  WebSocketClient& polite = OpenFrom(1, "203.0.113.8");
  AskGreedily(greedy);
  EXPECT_LT(OthersBefore(polite), kGreedy * 2 / 3);
}

TEST_F(AForwardedAddress, CountsForNothingIfNoTrustedProxyHasSentIt) {
  Start({});
  std::vector<WebSocketClient*> greedy;
  while (greedy.size() < kGreedy) {
    greedy.push_back(&OpenFrom(
        greedy.size() % 2, absl::StrCat("203.0.113.", greedy.size() % 250)));
  }
  WebSocketClient& polite = OpenFrom(1, "203.0.113.7", "127.0.0.2");
  AskGreedily(greedy);
  EXPECT_LT(OthersBefore(polite), kGreedy * 2 / 3);
}

class ARefusedSocket : public ::testing::Test {
 protected:
  // Asks once. How long the answer takes.
  Clock::duration Ask(WebSocketClient& client, const std::string& token,
                      const std::string& answer) {
    const auto begin = Clock::now();
    client.AskToSubscribe(absl::StrCat("private-", ++asked_), token);
    world_.WaitUntil([&] { return client.waiting() > 0; });
    EXPECT_EQ(client.Next().type(), answer);
    return Clock::now() - begin;
  }
  Clock::duration Refuse(WebSocketClient& client) {
    return Ask(client, "no", "subscription_error");
  }

  ScriptedAuthorizer authorizer_;
  HeraldWorld world_{
      {.service_flags = {"--authorizer=" + authorizer_.address()}}};
  int asked_ = 0;
};

TEST_F(ARefusedSocket, WaitsLongerBeforeEachFurtherQuestion) {
  WebSocketClient& refused = world_.Open(0, {.source = "127.0.0.1"});
  WebSocketClient& other = world_.Open(0, {.source = "127.0.0.1"});
  Clock::duration free{};
  for (int i = 0; i < 16; ++i) free += Refuse(refused);
  EXPECT_LT(free, Milliseconds(1500) * kSlowness) << "16 of them cost nothing";

  for (const auto pause : {Milliseconds(100), Milliseconds(200),
                           Milliseconds(400), Milliseconds(800)}) {
    // The pause begins before the denial has come here.
    EXPECT_GE(Refuse(refused), pause / 2);
  }

  // The next one waits for 1.6 s; a neighbour does not, nor does the
  // authorizer get it before.
  const size_t before = authorizer_.question_count();
  refused.AskToSubscribe("private-last", "yes");
  EXPECT_LT(Ask(other, "yes", "subscribed"), Milliseconds(1000) * kSlowness);
  EXPECT_EQ(authorizer_.question_count(), before + 1);
  EXPECT_EQ(refused.waiting(), 0u);

  // The yes ends the pauses.
  EXPECT_TRUE(world_.WaitUntil([&] { return refused.waiting() > 0; }));
  EXPECT_EQ(refused.Next().type(), "subscribed");
  EXPECT_LT(Refuse(refused), Milliseconds(1000) * kSlowness);
}

// Many questions at once do not escape the pause, and none of them is lost.
TEST_F(ARefusedSocket, WaitsWithAllItsQuestions) {
  WebSocketClient& refused = world_.Open(0);
  for (int i = 0; i < 16; ++i) Refuse(refused);
  const auto begin = Clock::now();
  const size_t before = authorizer_.question_count();
  for (int i = 0; i < 4; ++i) {
    refused.AskToSubscribe(absl::StrCat("private-burst", i), "no");
  }
  EXPECT_TRUE(world_.WaitUntil([&] { return refused.waiting() == 4; }));
  EXPECT_GE(Clock::now() - begin, Milliseconds(100 + 200 + 400 + 800) / 2);
  EXPECT_EQ(authorizer_.question_count(), before + 4);
}

}  // namespace
}  // namespace herald::end_to_end
