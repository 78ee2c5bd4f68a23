// SPDX-License-Identifier: Apache-2.0
//
// The promises of engines of several nodes together. An engine's own test
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

// Two nodes of a cluster, and the faults that may happen to them.
class ClusterWorld {
 public:
  virtual ~ClusterWorld() = default;
  virtual Engine& engine(int node) = 0;
  virtual NodeBus& bus(int node) = 0;
  virtual std::string NameOf(int node) = 0;
  // Answers all questions; of a node that is cut off, those that can be.
  virtual void Settle() = 0;
  // A part of it.
  virtual void SettlePartly() = 0;
  virtual void Cut(int node) = 0;
  virtual void Reconnect(int node) = 0;
  // A failover to a copy that may lack the newest publications.
  virtual void ForgetEnd() = 0;
  virtual void Kill(int node) = 0;
};

using MakeClusterWorld = std::unique_ptr<ClusterWorld> (*)(FakeTimers*,
                                                           uint32_t seed);

// Keeps messages as `node1: text`.
class RecordingNode final : public NodeListener {
 public:
  explicit RecordingNode(std::string stats) : stats_(std::move(stats)) {}
  void OnBusRestored(absl::Duration /*gap*/) override {}
  void OnBus(absl::string_view from, absl::string_view bytes) override {
    received.push_back(absl::StrCat(from, ": ", bytes));
  }
  std::string Stats() override { return stats_; }

  std::vector<std::string> received;

 private:
  const std::string stats_;
};

class ACluster : public ::testing::TestWithParam<MakeClusterWorld> {
 protected:
  using Receipt = absl::StatusOr<ChannelLog::PublishResult>;

  static constexpr uint32_t kSeeds = 100;

  // A world, and the listeners at its nodes.
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
  int LossesOf(int node) { return listener(node).losses; }
  RecordingListener& listener(int node) {
    return nodes_->listeners[static_cast<size_t>(node)];
  }
  RecordingNode& bus(int node) {
    return nodes_->buses[static_cast<size_t>(node)];
  }
  std::vector<std::string> Received(int node) {
    return std::exchange(listener(node).received, {});
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
    for (int node : {0, 1}) Received(node);
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
    AdmissionRequest subscription;
    subscription.socket = {gateway, absl::StrCat(gateway, ".1")};
    subscription.attach = attach;
    subscription.member.emplace().set_user_id(user);
    subscription.count_max = count_max;
    listener(node).WithChannel("presence-room", [&] {
      engine(node).Admit("presence-room", std::move(subscription),
                         [admission, at = &listener(node)](Admission answer) {
                           *admission = answer;
                           if (answer != Admission::kAdmitted) return;
                           ++at->subscribed["presence-room"];
                         });
    });
    return admission;
  }
  // Adds a subscription that makes no user present.
  void Subscribe(int node, const std::string& channel, uint64_t gateway,
                 int64_t attach) {
    AdmissionRequest subscription;
    subscription.socket = {gateway, absl::StrCat(gateway, ".1")};
    subscription.attach = attach;
    listener(node).WithChannel(channel, [&] {
      engine(node).Admit(channel, std::move(subscription),
                         [channel, at = &listener(node)](Admission answer) {
                           EXPECT_EQ(answer, Admission::kAdmitted);
                           ++at->subscribed[channel];
                         });
    });
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
  // The channel's subscriptions, as the node's backends see them.
  int64_t CountAt(int node, const std::string& channel) {
    int64_t count = -1;
    engine(node).Describe(channel, [&](const auto& state) {
      if (state.ok()) count = state->subscriber_count;
    });
    world().Settle();
    return count;
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

  // The publications among `words`, without the name of their channel.
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

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_SUITE_H_
