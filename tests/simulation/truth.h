// SPDX-License-Identifier: Apache-2.0
//
// What was said: every epoch of every channel, as publishers were told; and
// what a channel said while it had no history.

#ifndef HERALD_TESTS_SIMULATION_TRUTH_H_
#define HERALD_TESTS_SIMULATION_TRUTH_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace herald::simulation {

// One publication, as its publisher knows it.
struct Saying {
  std::string data;
  std::string except;  // The socket that is not to hear it; empty: none.
  absl::Time time;
};

class Truth {
 public:
  // A publisher has its receipt. An empty epoch: it was not numbered.
  void Said(const std::string& channel, const std::string& epoch,
            int64_t offset, Saying saying) {
    if (epoch.empty()) {
      // Whoever was at a place of these has missed something since.
      over_.insert(channels_[channel].begin(), channels_[channel].end());
      plain_[channel].push_back(std::move(saying));
      return;
    }
    ASSERT_FALSE(IsOver(epoch)) << epoch << " goes on";
    channels_[channel].insert(epoch);
    std::vector<Saying>& all = epochs_[epoch];
    ASSERT_EQ(offset, static_cast<int64_t>(all.size()) + 1) << "in " << epoch;
    all.push_back(std::move(saying));
  }

  // Whether something was said behind the epoch, and without a number.
  bool IsOver(const std::string& epoch) const { return over_.contains(epoch); }

  // The offset of the last one; 0: nothing was said in that epoch.
  int64_t Last(const std::string& epoch) const {
    const auto it = epochs_.find(epoch);
    return it == epochs_.end() ? 0 : static_cast<int64_t>(it->second.size());
  }

  // Null: nothing was said there.
  const Saying* At(const std::string& epoch, int64_t offset) const {
    if (offset < 1 || offset > Last(epoch)) return nullptr;
    return &epochs_.at(epoch)[static_cast<size_t>(offset) - 1];
  }

  // Whether all that is behind `since` up to `until` excepted `socket`.
  bool IsNothing(const std::string& epoch, int64_t since, int64_t until,
                 const std::string& socket) const {
    for (int64_t offset = since + 1; offset <= until; ++offset) {
      const Saying* const one = At(epoch, offset);
      if (one == nullptr || socket.empty() || one->except != socket) {
        return false;
      }
    }
    return true;
  }

  // The place of what was said without a number, after `since`; 0: it was not.
  size_t PlainAfter(const std::string& channel, size_t since,
                    const std::string& data) const {
    const auto it = plain_.find(channel);
    if (it == plain_.end()) return 0;
    for (size_t i = since; i < it->second.size(); ++i) {
      if (it->second[i].data == data) return i + 1;
    }
    return 0;
  }

 private:
  std::map<std::string, std::vector<Saying>> epochs_;
  std::map<std::string, std::set<std::string>> channels_;  // Their epochs.
  std::set<std::string> over_;
  std::map<std::string, std::vector<Saying>> plain_;  // By channel.
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_TRUTH_H_
