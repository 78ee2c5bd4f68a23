// SPDX-License-Identifier: Apache-2.0
//
// The operations of a round, with actor and time: kept for the report of a
// failure and written to a file at once, so that the file outlives a crash.
//
// Threads: any; it locks itself.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_OP_LOG_H_
#define HERALD_TESTS_END_TO_END_CHAOS_OP_LOG_H_

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "proto/contract/mutex.h"

namespace herald::chaos {

class OpLog {
 public:
  explicit OpLog(const std::string& path) : file_(path) {}

  // `who` has done `what`.
  void Add(const std::string& who, const std::string& what);

  // The last `lines_max` operations of the nemesis and of `who`; of the latter
  // only those that name `channel`, or no channel.
  std::string Around(absl::string_view who, absl::string_view channel,
                     size_t lines_max) const;

 private:
  struct Entry {
    std::string who;
    std::string line;  // With the time and `who`.
  };

  mutable contract::Mutex mu_;
  const std::chrono::steady_clock::time_point start_ =
      std::chrono::steady_clock::now();
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mu_);
  std::ofstream file_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_OP_LOG_H_
