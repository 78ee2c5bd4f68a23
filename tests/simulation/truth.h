// SPDX-License-Identifier: Apache-2.0
//
// What was said: every epoch of every channel, as publishers were told.

#ifndef HERALD_TESTS_SIMULATION_TRUTH_H_
#define HERALD_TESTS_SIMULATION_TRUTH_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace herald::simulation {

class Truth {
 public:
  // A publisher has its receipt.
  void Said(const std::string& epoch, int64_t offset, const std::string& data) {
    std::vector<std::string>& all = epochs_[epoch];
    ASSERT_EQ(offset, static_cast<int64_t>(all.size()) + 1) << "in " << epoch;
    all.push_back(data);
  }

  // The offset of the last one; 0: nothing was said in that epoch.
  int64_t Last(const std::string& epoch) const {
    const auto it = epochs_.find(epoch);
    return it == epochs_.end() ? 0 : static_cast<int64_t>(it->second.size());
  }

  // REQUIRES: it was said.
  const std::string& Data(const std::string& epoch, int64_t offset) const {
    return epochs_.at(epoch).at(static_cast<size_t>(offset) - 1);
  }

 private:
  std::map<std::string, std::vector<std::string>> epochs_;
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_TRUTH_H_
