// SPDX-License-Identifier: Apache-2.0
//
// A node for engines under test: records its notifications, and fails the test
// if a lock is not held that has to be, or is held that must not.

#ifndef HERALD_TESTS_CONTRACT_RECORDING_LISTENER_H_
#define HERALD_TESTS_CONTRACT_RECORDING_LISTENER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/engine/engine_listener.h"

namespace herald::core {

// Records its notifications, in order: `news: 1`, `+ada`, `-ada`.
class RecordingListener final : public EngineListener {
 public:
  void WithChannel(absl::string_view channel,
                   absl::FunctionRef<void()> body) override {
    EXPECT_TRUE(locked.empty()) << channel << " within " << locked;
    locked = std::string(channel);
    body();
    locked.clear();
  }
  void OnHistoryBegan(absl::string_view channel, const Position& at,
                      bool is_loss) override {
    ExpectLocked(channel);
    received.push_back(absl::StrCat(channel, " begins at ", at.offset,
                                    is_loss ? ", lost" : ""));
    epoch = at.epoch;
    losses += is_loss ? 1 : 0;
  }
  void OnHistoryEnded(absl::string_view channel, bool is_loss) override {
    ExpectLocked(channel);
    received.push_back(absl::StrCat(channel, " ends", is_loss ? ", lost" : ""));
    losses += is_loss ? 1 : 0;
  }
  int64_t OnPublication(const PublicationPtr& publication) override {
    ExpectLocked(publication->channel);
    received.push_back(
        absl::StrCat(publication->channel, ": ", publication->data));
    offset = publication->offset;
    return SubscriberCount(publication->channel);
  }
  void OnMemberAdded(absl::string_view channel,
                     const v1::Member& member) override {
    ExpectLocked(channel);
    received.push_back("+" + member.user_id());
  }
  void OnMemberRemoved(absl::string_view channel,
                       absl::string_view user) override {
    ExpectLocked(channel);
    received.push_back(absl::StrCat("-", user));
  }
  void OnRosterReplaced(absl::string_view channel,
                        const Position& /*at*/) override {
    ExpectLocked(channel);
    received.push_back(absl::StrCat(channel, " has other members"));
  }
  contract::ChannelSettings RulesOf(absl::string_view channel) override {
    ExpectLocked(channel);
    return rules;
  }
  int64_t SubscriberCount(absl::string_view channel) override {
    ExpectLocked(channel);
    const auto it = subscribed.find(std::string(channel));
    return it == subscribed.end() ? 0 : it->second;
  }
  void ForEachChannel(
      absl::FunctionRef<void(absl::string_view)> body) override {
    EXPECT_EQ(locked, "");
    for (const auto& [channel, count] : subscribed) body(channel);
  }
  int64_t channel_count() override {
    return static_cast<int64_t>(subscribed.size());
  }
  int64_t subscription_count() override {
    int64_t sum = 0;
    for (const auto& [channel, count] : subscribed) sum += count;
    return sum;
  }
  void OnLeaseEnded(uint64_t gateway, int64_t attach) override {
    EXPECT_EQ(locked, "");
    received.push_back(absl::StrCat("lease ", gateway, " ended"));
    lost[gateway] = attach;
  }
  void OnEngineUp(bool up) override { engine_up = up; }
  void OnHistoriesEvicted(int64_t channels) override { evicted += channels; }
  void OnDeparturesDelayed(int64_t count) override { delayed += count; }

  std::string locked;  // The channel whose lock is held.
  contract::ChannelSettings rules;
  std::map<std::string, int64_t> subscribed;  // Subscriptions by channel.
  std::string epoch;                          // The last that began.
  int64_t offset = 0;                         // Of the last publication.
  int losses = 0;                             // How many were reported.
  bool engine_up = true;                      // As it was reported.
  int64_t evicted = 0;
  int64_t delayed = 0;
  std::map<uint64_t, int64_t> lost;  // Attach numbers.
  std::vector<std::string> received;

 private:
  void ExpectLocked(absl::string_view channel) const {
    EXPECT_EQ(locked, channel);
  }
};

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_RECORDING_LISTENER_H_
