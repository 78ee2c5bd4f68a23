// SPDX-License-Identifier: Apache-2.0
//
// The publications: every epoch of every channel, by the receipts of
// publishers; and those of a channel while it had no history.

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
struct Entry {
  std::string data;
  std::string except;  // The socket that must not receive it; empty: none.
  absl::Time time;
};

class Truth {
 public:
  // A publisher has its receipt. An empty epoch: it was not numbered.
  void Add(const std::string& channel, const std::string& epoch, int64_t offset,
           Entry entry) {
    if (epoch.empty()) {
      // A listener at a place of these has missed something since.
      over_.insert(channels_[channel].begin(), channels_[channel].end());
      plain_[channel].push_back(std::move(entry));
      return;
    }
    ASSERT_FALSE(IsOver(epoch)) << epoch << " goes on";
    channels_[channel].insert(epoch);
    std::vector<Entry>& all = epochs_[epoch];
    ASSERT_EQ(offset, static_cast<int64_t>(all.size()) + 1) << "in " << epoch;
    all.push_back(std::move(entry));
  }

  // Whether a publication without an offset came behind the epoch.
  bool IsOver(const std::string& epoch) const { return over_.contains(epoch); }

  // The offset of the last publication; 0: the epoch has none.
  int64_t Last(const std::string& epoch) const {
    const auto it = epochs_.find(epoch);
    return it == epochs_.end() ? 0 : static_cast<int64_t>(it->second.size());
  }

  // Null: there is no publication.
  const Entry* At(const std::string& epoch, int64_t offset) const {
    if (offset < 1 || offset > Last(epoch)) return nullptr;
    return &epochs_.at(epoch)[static_cast<size_t>(offset) - 1];
  }

  // Whether all that is behind `since` up to `until` excepted `socket`.
  bool IsNothing(const std::string& epoch, int64_t since, int64_t until,
                 const std::string& socket) const {
    for (int64_t offset = since + 1; offset <= until; ++offset) {
      const Entry* const one = At(epoch, offset);
      if (one == nullptr || socket.empty() || one->except != socket) {
        return false;
      }
    }
    return true;
  }

  // The place of a publication without an offset, after `since`; 0: there is
  // none.
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
  std::map<std::string, std::vector<Entry>> epochs_;
  std::map<std::string, std::set<std::string>> channels_;  // Their epochs.
  std::set<std::string> over_;
  std::map<std::string, std::vector<Entry>> plain_;  // By channel.
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_TRUTH_H_
