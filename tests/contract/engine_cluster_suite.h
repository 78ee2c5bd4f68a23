// SPDX-License-Identifier: Apache-2.0
//
// What engines of several nodes must do together. An engine's own test
// instantiates it with a world of two nodes. Each test runs many times, in a
// new world with another seed, for its promise holds in every order.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_SUITE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/engine/engine.h"
#include "service/engine/node_bus.h"
#include "tests/contract/recording_listener.h"
#include "tests/service/core/fake_timers.h"

namespace herald::core {

// Two nodes of a cluster, and what may happen to them.
class ClusterWorld {
 public:
  virtual ~ClusterWorld() = default;
  virtual Engine& engine(int node) = 0;
  virtual NodeBus& bus(int node) = 0;
  virtual std::string NameOf(int node) = 0;
  // All that was asked is answered; of a node that is cut off what can be.
  virtual void Settle() = 0;
  // A part of it.
  virtual void SettlePartly() = 0;
  virtual void Cut(int node) = 0;
  virtual void Reconnect(int node) = 0;
  // A failover to a copy that may lack the newest publications.
  virtual void ForgetEnd() = 0;
  virtual void Kill(int node) = 0;
  // How often the node was notified of a loss.
  virtual int LostCount(int node) = 0;
};

using MakeClusterWorld = std::unique_ptr<ClusterWorld> (*)(FakeTimers*,
                                                           uint32_t seed);

// Keeps messages as `node1: text`.
class RecordingNode final : public NodeListener {
 public:
  explicit RecordingNode(std::string stats) : stats_(std::move(stats)) {}
  void OnBus(absl::string_view from, absl::string_view bytes) override {
    heard.push_back(absl::StrCat(from, ": ", bytes));
  }
  std::string Stats() override { return stats_; }

  std::vector<std::string> heard;

 private:
  const std::string stats_;
};

class ACluster : public ::testing::TestWithParam<MakeClusterWorld> {
 protected:
  using Receipt = absl::StatusOr<ChannelLog::Receipt>;

  static constexpr uint32_t kSeeds = 100;

  // A world, and who listens at its nodes.
  struct Nodes {
    FakeTimers timers;
    std::array<RecordingListener, 2> listeners;
    std::array<RecordingNode, 2> buses{RecordingNode("stats of 0"),
                                       RecordingNode("stats of 1")};
    std::unique_ptr<ClusterWorld> world;
  };

  // Calls `body` in a new world for each seed, until one fails.
  void InEachWorld(absl::FunctionRef<void()> body) {
    for (uint32_t seed = 1; seed <= kSeeds && !HasFailure(); ++seed) {
      SCOPED_TRACE(absl::StrCat("seed ", seed));
      nodes_ = std::make_unique<Nodes>();
      nodes_->world = GetParam()(&nodes_->timers, seed);
      for (int node : {0, 1}) {
        listener(node).rules.history_size = kTen.size;
        engine(node).SetListener(&listener(node));
        world().bus(node).SetNodeListener(&bus(node));
      }
      body();
      nodes_.reset();
    }
  }

  ClusterWorld& world() { return *nodes_->world; }
  Engine& engine(int node) { return world().engine(node); }
  RecordingListener& listener(int node) {
    return nodes_->listeners[static_cast<size_t>(node)];
  }
  RecordingNode& bus(int node) {
    return nodes_->buses[static_cast<size_t>(node)];
  }
  std::vector<std::string> Heard(int node) {
    return std::exchange(listener(node).heard, {});
  }
  void Pass(absl::Duration time) {
    nodes_->timers.Advance(time);
    world().Settle();
  }

  void Open(int node, const std::string& channel,
            const HistoryLimits& limits = {}) {
    listener(node).WithChannel(channel, [&] {
      engine(node).Open(channel, limits, [](const absl::Status& status) {
        EXPECT_TRUE(status.ok()) << status;
      });
    });
  }
  void OpenAtBoth(const std::string& channel,
                  const HistoryLimits& limits = {}) {
    for (int node : {0, 1}) Open(node, channel, limits);
    world().Settle();
    for (int node : {0, 1}) Heard(node);
  }
  std::shared_ptr<Receipt> Publish(int node, const std::string& channel,
                                   const std::string& data,
                                   const HistoryLimits& limits = {},
                                   const std::string& key = "") {
    auto receipt = std::make_shared<Receipt>(absl::InternalError("none"));
    auto publication = std::make_shared<Publication>();
    publication->channel = channel;
    publication->data = data;
    listener(node).WithChannel(channel, [&] {
      engine(node).Publish(std::move(publication), {key, limits},
                           [receipt](auto answer) { *receipt = answer; });
    });
    return receipt;
  }
  std::optional<Position> At(int node, const std::string& channel) {
    std::optional<Position> at;
    listener(node).WithChannel(channel,
                               [&] { at = engine(node).PositionOf(channel); });
    return at;
  }

  int64_t Attach(int node, uint64_t gateway) {
    int64_t number = 0;
    engine(node).Attach(gateway, [&](auto attach) { number = *attach; });
    world().Settle();
    return number;
  }
  std::shared_ptr<std::optional<Admission>> Join(int node, uint64_t gateway,
                                                 int64_t attach,
                                                 const std::string& user,
                                                 int64_t count_max = 0) {
    auto admission = std::make_shared<std::optional<Admission>>();
    Subscription subscription;
    subscription.socket = {gateway, absl::StrCat(gateway, ".1")};
    subscription.attach = attach;
    subscription.member.emplace().set_user_id(user);
    subscription.count_max = count_max;
    listener(node).WithChannel("presence-room", [&] {
      engine(node).Admit("presence-room", std::move(subscription),
                         [admission, at = &listener(node)](Admission answer) {
                           *admission = answer;
                           if (answer != Admission::kAdmitted) return;
                           at->subscribed.insert("presence-room");
                         });
    });
    return admission;
  }
  void Leave(int node, uint64_t gateway, int64_t attach,
             const std::string& user,
             absl::Duration grace = absl::ZeroDuration()) {
    listener(node).WithChannel("presence-room", [&] {
      engine(node).Dismiss("presence-room", user,
                           {gateway, absl::StrCat(gateway, ".1")}, attach,
                           grace);
    });
  }
  std::vector<std::string> RosterOf(int node) {
    std::vector<std::string> users;
    listener(node).WithChannel("presence-room", [&] {
      for (const auto& member : engine(node).Members("presence-room")) {
        users.push_back(member.user_id());
      }
    });
    return users;
  }

  // What `words` say of publications, without the name of their channel.
  static std::vector<std::string> Publications(
      const std::vector<std::string>& words) {
    std::vector<std::string> data;
    for (const std::string& word : words) {
      if (word.starts_with("a: ")) data.push_back(word.substr(3));
    }
    return data;
  }

  static constexpr HistoryLimits kTen{10, absl::Minutes(5)};
  static constexpr HistoryLimits kMany{1000, absl::Minutes(5)};
  std::unique_ptr<Nodes> nodes_;
};

// --- Publications ------------------------------------------------------------

TEST_P(ACluster, HasOneOrderOfAChannelAtAllNodes) {
  InEachWorld([&] {
    OpenAtBoth("a", kMany);
    std::vector<std::shared_ptr<Receipt>> receipts;
    for (int i = 0; i < 20; ++i) {
      receipts.push_back(Publish(i % 2, "a", absl::StrCat(i), kMany));
      world().SettlePartly();
    }
    world().Settle();
    const auto heard = Publications(Heard(0));
    EXPECT_EQ(heard.size(), receipts.size());
    EXPECT_EQ(Publications(Heard(1)), heard);
    for (size_t i = 0; i < receipts.size(); ++i) {
      ASSERT_TRUE(receipts[i]->ok()) << receipts[i]->status();
      const int64_t offset = (**receipts[i]).position.offset;
      ASSERT_GT(offset, 0);
      EXPECT_EQ(heard[static_cast<size_t>(offset) - 1], absl::StrCat(i));
    }
    EXPECT_EQ(At(0, "a"), At(1, "a"));
  });
}

TEST_P(ACluster, CountsTheSubscribersOfAllNodes) {
  InEachWorld([&] {
    OpenAtBoth("a");
    for (int node : {0, 1}) listener(node).subscribed = {"a"};
    const auto receipt = Publish(0, "a", "1");
    world().Settle();
    ASSERT_TRUE(receipt->ok());
    EXPECT_EQ((**receipt).subscribers, 2);
  });
}

TEST_P(ACluster, HasOneReceiptForAKeyThatIsRepeatedAtOnce) {
  InEachWorld([&] {
    OpenAtBoth("a", kTen);
    const auto first = Publish(0, "a", "1", kTen, "key");
    const auto second = Publish(1, "a", "1", kTen, "key");
    world().Settle();
    ASSERT_TRUE(first->ok() && second->ok());
    EXPECT_NE((**first).repeated, (**second).repeated);
    EXPECT_EQ((**first).position, (**second).position);
    for (int node : {0, 1}) {
      EXPECT_THAT(Heard(node), ::testing::ElementsAre("a: 1"));
    }
  });
}

TEST_P(ACluster, LosesAndDoublesNothingWhileAChannelIsOpened) {
  InEachWorld([&] {
    Open(0, "a", kMany);
    world().Settle();
    constexpr int kCount = 20;
    for (int i = 1; i <= kCount; ++i) {
      Publish(0, "a", absl::StrCat(i), kMany);
      if (i == 7) Open(1, "a", kMany);
      world().SettlePartly();
    }
    world().Settle();
    EXPECT_EQ(At(1, "a")->offset, kCount);
    // What was delivered is the end of what there is, from the opening on.
    const auto heard = Publications(Heard(1));
    for (size_t i = 0; i < heard.size(); ++i) {
      EXPECT_EQ(heard[i], absl::StrCat(kCount - heard.size() + i + 1));
    }
    Missed missed;
    listener(1).WithChannel(
        "a", [&] { missed = engine(1).Since("a", std::nullopt, 1000); });
    EXPECT_EQ(missed.chunks.size(), static_cast<size_t>(kCount));
  });
}

// --- Members -----------------------------------------------------------------

TEST_P(ACluster, PublishesTheFirstAndTheLastMemberOnce) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t at0 = Attach(0, 1);
    const int64_t at1 = Attach(1, 2);
    const auto first = Join(0, 1, at0, "ada");
    const auto second = Join(1, 2, at1, "ada");
    world().Settle();
    EXPECT_EQ(*first, Admission::kAdmitted);
    EXPECT_EQ(*second, Admission::kAdmitted);
    Leave(0, 1, at0, "ada");
    world().SettlePartly();
    Leave(1, 2, at1, "ada");
    world().Settle();
    for (int node : {0, 1}) {
      EXPECT_THAT(Heard(node), ::testing::ElementsAre("+ada", "-ada"));
    }
  });
}

TEST_P(ACluster, ShowsAMemberBeforeItIsAdmitted) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t at0 = Attach(0, 1);
    const int64_t at1 = Attach(1, 2);
    const auto ada = Join(0, 1, at0, "ada");
    const auto bob = Join(1, 2, at1, "bob");
    for (int i = 0; i < 20; ++i) {
      world().SettlePartly();
      const auto at_0 = RosterOf(0);
      const auto at_1 = RosterOf(1);
      EXPECT_LE(ada->has_value(), std::count(at_0.begin(), at_0.end(), "ada"));
      EXPECT_LE(bob->has_value(), std::count(at_1.begin(), at_1.end(), "bob"));
    }
    world().Settle();
    for (int node : {0, 1}) {
      EXPECT_THAT(RosterOf(node), ::testing::ElementsAre("ada", "bob"));
    }
  });
}

TEST_P(ACluster, AdmitsNoMoreThanThereMayBeAtBothNodes) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t at0 = Attach(0, 1);
    const int64_t at1 = Attach(1, 2);
    const auto first = Join(0, 1, at0, "ada", /*count_max=*/1);
    const auto second = Join(1, 2, at1, "bob", /*count_max=*/1);
    world().Settle();
    EXPECT_NE(*first, *second);
    EXPECT_EQ(RosterOf(0).size(), 1u);
  });
}

TEST_P(ACluster, EndsALeaseWhoseNodeHasDied) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(0, 1);
    Join(0, 1, attach, "ada");
    world().Settle();
    world().Kill(0);
    world().Settle();
    EXPECT_THAT(Heard(1), ::testing::ElementsAre("+ada"));
    Pass(absl::Minutes(1));
    EXPECT_THAT(Heard(1), ::testing::ElementsAre("-ada", "lease 1 ended"));
  });
}

TEST_P(ACluster, KeepsTheMembersOfAGatewayThatMovesToAnotherNode) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(0, 1);
    Join(0, 1, attach, "ada");
    world().Settle();
    world().Kill(0);
    const int64_t again = Attach(1, 1);
    EXPECT_GT(again, attach);
    GatewayMember ada;
    ada.member.set_user_id("ada");
    ada.socket_ids = {"1.1"};
    listener(1).WithChannel("presence-room", [&] {
      engine(1).Replace("presence-room", 1, again, {ada}, absl::ZeroDuration(),
                        [](const absl::Status& replaced) {
                          EXPECT_TRUE(replaced.ok()) << replaced;
                        });
    });
    Pass(absl::Minutes(1));
    EXPECT_THAT(Heard(1), ::testing::ElementsAre("+ada"));
    EXPECT_THAT(RosterOf(1), ::testing::ElementsAre("ada"));
  });
}

TEST_P(ACluster, EndsAGraceThatAnotherNodeHasBegun) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(0, 1);
    Join(0, 1, attach, "ada");
    world().Settle();
    Leave(0, 1, attach, "ada", absl::Seconds(5));
    world().Settle();
    world().Kill(0);
    Pass(absl::Milliseconds(4999));
    EXPECT_THAT(Heard(1),
                ::testing::Not(::testing::Contains(std::string("-ada"))));
    Pass(absl::Milliseconds(1));
    EXPECT_THAT(Heard(1), ::testing::Contains(std::string("-ada")));
  });
}

// --- Failures ----------------------------------------------------------------

TEST_P(ACluster, FillsTheGapOfACutOnceAndInOrder) {
  InEachWorld([&] {
    OpenAtBoth("a", kMany);
    constexpr int kCount = 20;
    for (int i = 1; i <= kCount; ++i) {
      Publish(0, "a", absl::StrCat(i), kMany);
      if (i == 7) world().Cut(1);
      if (i == 14) world().Reconnect(1);
      world().SettlePartly();
    }
    world().Settle();
    const auto heard = Publications(Heard(1));
    EXPECT_EQ(heard, Publications(Heard(0)));
    EXPECT_EQ(heard.size(), static_cast<size_t>(kCount));
    EXPECT_EQ(world().LostCount(1), 0);
  });
}

TEST_P(ACluster, NotifiesOfALossIfAGapCannotBeFilled) {
  InEachWorld([&] {
    const HistoryLimits three{3};
    OpenAtBoth("a", three);
    Publish(0, "a", "1", three);
    world().Settle();
    Heard(1);
    world().Cut(1);
    for (int i = 2; i <= 9; ++i) Publish(0, "a", absl::StrCat(i), three);
    world().Settle();
    world().Reconnect(1);
    world().Settle();
    EXPECT_EQ(world().LostCount(1), 1);
    EXPECT_THAT(Heard(1), ::testing::ElementsAre("a begins at 6", "a: 7",
                                                 "a: 8", "a: 9"));
    EXPECT_EQ(At(0, "a"), At(1, "a"));
  });
}

TEST_P(ACluster, ReadsTheRosterAgainAfterACut) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(0, 1);
    Join(0, 1, attach, "ada");
    Join(0, 1, attach, "bob");
    world().Settle();
    world().Cut(1);
    Leave(0, 1, attach, "ada");
    Join(0, 1, attach, "cyd");
    world().Settle();
    world().Reconnect(1);
    world().Settle();
    EXPECT_THAT(Heard(1),
                ::testing::ElementsAre("+ada", "+bob", "-ada", "+cyd"));
  });
}

TEST_P(ACluster, RefusesAtANodeThatIsCutOffAndLeavesLater) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(1, 1);
    Join(1, 1, attach, "ada");
    world().Settle();
    world().Cut(1);
    const auto receipt = Publish(1, "a", "1");
    const auto bob = Join(1, 1, attach, "bob");
    Leave(1, 1, attach, "ada");
    world().Settle();
    EXPECT_TRUE(absl::IsUnavailable(receipt->status())) << receipt->status();
    EXPECT_EQ(*bob, Admission::kUnavailable);
    EXPECT_THAT(Heard(0), ::testing::ElementsAre("+ada"));
    world().Reconnect(1);
    world().Settle();
    EXPECT_THAT(Heard(0), ::testing::ElementsAre("-ada"));
    EXPECT_THAT(RosterOf(1), ::testing::IsEmpty());
  });
}

TEST_P(ACluster, KeepsNoMemberOfAnAdmissionWhoseAnswerIsLost) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(1, 1);
    const auto ada = Join(1, 1, attach, "ada");
    world().SettlePartly();
    world().Cut(1);
    world().Reconnect(1);
    world().Settle();
    const bool is_there = *ada == Admission::kAdmitted;
    EXPECT_EQ(RosterOf(0).size(), is_there ? 1u : 0u);
    EXPECT_EQ(RosterOf(1), RosterOf(0));
  });
}

TEST_P(ACluster, BeginsANewEpochAfterAFailover) {
  InEachWorld([&] {
    OpenAtBoth("a", kMany);
    for (int i = 1; i <= 5; ++i) Publish(0, "a", absl::StrCat(i), kMany);
    world().SettlePartly();
    const Position before = *At(0, "a");
    world().ForgetEnd();
    world().Settle();
    EXPECT_NE(At(0, "a")->epoch, before.epoch);
    EXPECT_EQ(At(0, "a"), At(1, "a"));
    for (int node : {0, 1}) EXPECT_EQ(world().LostCount(node), 1);
    for (int node : {0, 1}) Heard(node);
    Publish(1, "a", "6", kMany);
    world().Settle();
    for (int node : {0, 1}) {
      EXPECT_THAT(Heard(node), ::testing::ElementsAre("a: 6"));
    }
    EXPECT_EQ(At(0, "a")->offset, 1);
  });
}

// --- The bus -----------------------------------------------------------------

TEST_P(ACluster, SendsMessagesOfANodeInOrder) {
  InEachWorld([&] {
    world().bus(0).ToAll("1");
    world().bus(0).ToNode(world().NameOf(1), "2");
    world().bus(1).ToAll("3");
    world().bus(0).ToAll("4");
    world().Settle();
    const std::string from = world().NameOf(0);
    EXPECT_THAT(bus(1).heard, ::testing::ElementsAre(from + ": 1", from + ": 2",
                                                     from + ": 4"));
    EXPECT_THAT(bus(0).heard,
                ::testing::ElementsAre(world().NameOf(1) + ": 3"));
  });
}

TEST_P(ACluster, ListsTheOtherNodesThatLive) {
  InEachWorld([&] {
    absl::StatusOr<std::vector<OtherNode>> nodes = absl::InternalError("none");
    const auto list = [&] {
      world().bus(1).ListNodes([&](auto answer) { nodes = answer; });
      world().Settle();
      ASSERT_TRUE(nodes.ok()) << nodes.status();
    };
    list();
    ASSERT_EQ(nodes->size(), 1u);
    EXPECT_EQ(nodes->front().name, world().NameOf(0));
    EXPECT_EQ(nodes->front().stats, "stats of 0");
    world().Kill(0);
    list();
    EXPECT_THAT(*nodes, ::testing::IsEmpty());
  });
}

TEST_P(ACluster, FindsTheNodeOfAGateway) {
  InEachWorld([&] {
    Attach(0, 1);
    absl::StatusOr<std::string> found = absl::InternalError("none");
    const auto find = [&](int asker, uint64_t gateway) {
      world().bus(asker).FindNode(gateway, [&](auto name) { found = name; });
      world().Settle();
      return found.status();
    };
    EXPECT_TRUE(find(1, 1).ok());
    EXPECT_EQ(*found, world().NameOf(0));
    EXPECT_TRUE(absl::IsNotFound(find(0, 1))) << "it is its own";
    EXPECT_TRUE(absl::IsNotFound(find(1, 2)));
    world().Kill(0);
    EXPECT_TRUE(absl::IsUnavailable(find(1, 1)));
    Pass(absl::Seconds(30));
    EXPECT_TRUE(absl::IsUnavailable(find(1, 1))) << "its lease has ended";
    Pass(absl::Minutes(2));
    EXPECT_TRUE(absl::IsNotFound(find(1, 1)));
  });
}

TEST_P(ACluster, ShowsARecordToAllNodes) {
  InEachWorld([&] {
    absl::Status recorded = absl::InternalError("none");
    world().bus(0).Record(std::make_shared<const std::string>("1"),
                          [&](const absl::Status& s) { recorded = s; });
    world().Settle();
    EXPECT_TRUE(recorded.ok()) << recorded;
    Pass(absl::Minutes(2));
    absl::StatusOr<std::vector<Chunk>> items = absl::InternalError("none");
    const auto read = [&](absl::Duration age) {
      world().bus(1).RecordedWithin(age, [&](auto answer) { items = answer; });
      world().Settle();
      return items.status();
    };
    ASSERT_TRUE(read(absl::Minutes(3)).ok());
    ASSERT_EQ(items->size(), 1u);
    EXPECT_EQ(*items->front(), "1");
    ASSERT_TRUE(read(absl::Minutes(1)).ok());
    EXPECT_THAT(*items, ::testing::IsEmpty());
    EXPECT_TRUE(absl::IsOutOfRange(read(2 * kRecordLife)));
  });
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_SUITE_H_
