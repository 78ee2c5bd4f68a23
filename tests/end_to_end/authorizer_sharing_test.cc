// SPDX-License-Identifier: Apache-2.0
//
// One authorizer, many clients: neither an input that makes it fail nor a
// client that asks without end keeps the others from their channels.

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Allow;
using testing_support::Clock;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::kSlowness;
using testing_support::Milliseconds;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;
using testing_support::WebSocketOptions;
using v1::AuthorizeRequest;

constexpr char kPoison[] = "private-poison";
constexpr size_t kHonest = 100;

// Far below the 15 s that poison once cost, and enough for a busy machine.
constexpr auto kBound = Milliseconds(3000) * kSlowness;

// Sends a question that makes the authorizer fail, 10 times a second, and
// checks each answer to it.
class Poisoner {
 public:
  // From one connection of its own, or from a new one each time.
  Poisoner(HeraldWorld& world, WebSocketOptions options, bool reconnects)
      : world_(world), options_(std::move(options)), reconnects_(reconnects) {}

  void Work() {
    if (Clock::now() >= next_) {
      next_ = Clock::now() + Milliseconds(100);
      if (clients_.empty() || reconnects_) {
        clients_.push_back(&world_.Open(0, options_));
      }
      clients_.back()->AskToSubscribe(absl::StrCat(kPoison, ++sent_), "yes");
    }
    for (WebSocketClient* client : clients_) CheckAnswers(*client);
  }

  int sent() const { return sent_; }
  int denied() const { return denied_; }

 private:
  void CheckAnswers(WebSocketClient& client) {
    while (client.waiting() > 0) {
      const Frame answer = client.Next();
      EXPECT_EQ(answer.type(), "subscription_error") << answer;
      if (answer.String("code") != "unavailable") continue;
      EXPECT_TRUE(absl::StrContains(answer.String("error"),
                                    "the authorizer ended the stream"))
          << answer;
      EXPECT_TRUE(absl::StrContains(answer.String("error"), "not a user"))
          << answer;
      ++denied_;
    }
  }

  HeraldWorld& world_;
  const WebSocketOptions options_;
  const bool reconnects_;
  std::vector<WebSocketClient*> clients_;
  Clock::time_point next_ = Clock::now();
  int sent_ = 0;
  int denied_ = 0;
};

class APoisonedAuthorizer : public ::testing::Test {
 protected:
  APoisonedAuthorizer() {
    authorizer_.Answer([](const AuthorizeRequest& question) {
      if (question.channel().starts_with(kPoison)) {
        throw std::runtime_error("not a user");
      }
      return std::vector{Allow(question)};
    });
  }

  // Each of `clients` asks again and again while `poisoner` does its work; all
  // are allowed, each within kBound.
  void ExpectAllAllowed(const std::vector<WebSocketClient*>& clients,
                        Poisoner& poisoner) {
    for (int round = 0; round < 5; ++round) {
      for (WebSocketClient* client : clients) {
        client->AskToSubscribe(absl::StrCat("private-", round), "yes");
      }
      const auto begin = Clock::now();
      world_.WaitUntil([&] {
        poisoner.Work();
        for (const WebSocketClient* client : clients) {
          if (client->waiting() == 0) return false;
        }
        return true;
      });
      EXPECT_LT(Clock::now() - begin, kBound);
      for (WebSocketClient* client : clients) {
        EXPECT_EQ(client->Next().type(), "subscribed");
      }
      const int before = poisoner.sent();
      world_.WaitUntil([&] {
        poisoner.Work();
        return poisoner.sent() >= before + 5;
      });
    }
  }

  std::vector<WebSocketClient*> OpenOfOneAddress() {
    std::vector<WebSocketClient*> honest;
    while (honest.size() < kHonest) {
      honest.push_back(&world_.Open(honest.size() % 2));
    }
    return honest;
  }

  void ExpectPoisonCounted(const Poisoner& poisoner) {
    EXPECT_GE(poisoner.denied(), 2);
    EXPECT_GE(world_.ServiceMetrics().Sum("herald_authorizer_poisoned_total"),
              poisoner.denied());
  }

  ScriptedAuthorizer authorizer_;
  HeraldWorld world_{{.service_flags = {"--authorizer=" + authorizer_.address(),
                                        "--authorizer-timeout=20"}}};
};

TEST_F(APoisonedAuthorizer, AnswersAllClientsOfOtherAddresses) {
  const std::vector<WebSocketClient*> honest = world_.OpenMany(kHonest);
  Poisoner poisoner(world_, {.source = "127.0.0.77"}, /*reconnects=*/false);
  ExpectAllAllowed(honest, poisoner);
  ExpectPoisonCounted(poisoner);
}

TEST_F(APoisonedAuthorizer, AnswersAllClientsOfTheSameAddress) {
  Poisoner poisoner(world_, {}, /*reconnects=*/false);
  ExpectAllAllowed(OpenOfOneAddress(), poisoner);
  ExpectPoisonCounted(poisoner);
}

// With a lookup of 50 ms, 16 at a time would take a third of a second.
TEST_F(APoisonedAuthorizer, AnswersAllClientsOfTheSameAddressAfterALookup) {
  authorizer_.DecideOnThreads(64, Milliseconds(50));
  Poisoner poisoner(world_, {}, /*reconnects=*/false);
  ExpectAllAllowed(OpenOfOneAddress(), poisoner);
  ExpectPoisonCounted(poisoner);
}

TEST_F(APoisonedAuthorizer, AnswersAllThoughThePoisonerConnectsAgain) {
  authorizer_.DecideOnThreads(64, Milliseconds(50));
  Poisoner poisoner(world_, {}, /*reconnects=*/true);
  ExpectAllAllowed(OpenOfOneAddress(), poisoner);
  ExpectPoisonCounted(poisoner);
}

// With the default timeout, which is over before the new process is there.
TEST(AnAuthorizerThatRestartsSlowly, ConvictsTheSocketThatEndsIt) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& poisoner = world.Open(0);
  WebSocketClient& honest = world.Open(1);
  const auto sum = [&](const std::string& name) {
    return world.ServiceMetrics().Sum(name);
  };
  const auto is_up = [&] { return sum("herald_authorizer_up") == 1; };
  for (size_t i = 1; i <= 2; ++i) {
    ASSERT_TRUE(world.WaitUntil(is_up));
    poisoner.AskToSubscribe(absl::StrCat("private-", i), "silence");
    ASSERT_TRUE(
        world.WaitUntil([&] { return authorizer.question_count() == i; }));
    authorizer.Stop();
    const Frame answer = poisoner.Next();
    EXPECT_EQ(answer.String("code"), "unavailable") << answer;
    authorizer.Start();
  }
  EXPECT_TRUE(world.WaitUntil(
      [&] { return sum("herald_authorizer_poisoned_total") == 1; }));
  ASSERT_TRUE(world.WaitUntil(is_up));
  EXPECT_EQ(honest.Subscribe("private-x", "yes").type(), "subscribed");
}

// A hundred sockets of one address that ask as soon as they are answered, and
// are always allowed.
class AGreedyClient : public ::testing::Test {
 protected:
  AGreedyClient() {
    authorizer_.DecideOnThreads(4, Milliseconds(20));
    for (size_t i = 0; i < kHonest; ++i) {
      greedy_.push_back(&world_.Open(i % 2, {.source = "127.0.0.1"}));
      Ask(*greedy_.back());
    }
  }

  static void Ask(WebSocketClient& client) {
    client.AskToSubscribe("private-x", "yes");
  }

  void WorkGreedily() {
    for (WebSocketClient* client : greedy_) {
      while (client->waiting() > 0) {
        const std::string type = client->Next().type();
        if (type == "subscribed") client->Send(kUnsubscribe);
        if (type != "subscribed") Ask(*client);
      }
    }
  }

  // `polite` asks 10 times, and is allowed within 2 s each time.
  void ExpectTurns(WebSocketClient& polite) {
    for (int i = 0; i < 10; ++i) {
      const auto begin = Clock::now();
      polite.AskToSubscribe(absl::StrCat("private-polite", i), "yes");
      world_.WaitUntil([&] {
        WorkGreedily();
        return polite.waiting() > 0;
      });
      EXPECT_EQ(polite.Next().type(), "subscribed");
      EXPECT_LT(Clock::now() - begin, Milliseconds(2000) * kSlowness);
    }
    EXPECT_GT(authorizer_.question_count(), kHonest) << "it was greedy";
  }

  ScriptedAuthorizer authorizer_;
  HeraldWorld world_{{.service_flags = {"--authorizer=" + authorizer_.address(),
                                        "--authorizer-timeout=10"}}};
  std::vector<WebSocketClient*> greedy_;

 private:
  static constexpr char kUnsubscribe[] =
      R"({"type":"unsubscribe","channel":"private-x"})";
};

TEST_F(AGreedyClient, LeavesAnotherAddressItsTurns) {
  ExpectTurns(world_.Open(1, {.source = "127.0.0.2"}));
}

TEST_F(AGreedyClient, LeavesAnotherSocketOfItsAddressItsTurns) {
  ExpectTurns(world_.Open(1, {.source = "127.0.0.1"}));
}

}  // namespace
}  // namespace herald::end_to_end
