// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/op_log.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace herald::chaos {

using contract::MutexLock;

void OpLog::Add(const std::string& who, const std::string& what) {
  const std::chrono::duration<double> since =
      std::chrono::steady_clock::now() - start_;
  std::string line = absl::StrFormat("%8.3f %s: %s", since.count(), who, what);
  MutexLock lock(&mu_);
  file_ << line << std::endl;
  entries_.push_back({who, std::move(line)});
}

std::string OpLog::Around(absl::string_view who, absl::string_view channel,
                          size_t lines_max) const {
  MutexLock lock(&mu_);
  std::vector<std::string> lines;
  for (auto it = entries_.rbegin();
       it != entries_.rend() && lines.size() < lines_max; ++it) {
    const bool is_own =
        it->who == who &&
        (channel.empty() || absl::StrContains(it->line, channel) ||
         !absl::StrContains(it->line, " on "));
    if (is_own || it->who == "nemesis") lines.push_back(it->line);
  }
  std::reverse(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

}  // namespace herald::chaos
