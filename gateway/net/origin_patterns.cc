// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/origin_patterns.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace herald::gateway {
namespace {

// Greedy with one way back: only the last star ever has to take more, for what
// an earlier one has matched stays matched.
bool Matches(absl::string_view pattern, absl::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = absl::string_view::npos;
  size_t star_end = 0;  // What the last star has taken ends here.
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      t = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

OriginPatterns::OriginPatterns(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    patterns_.push_back(absl::AsciiStrToLower(pattern));
  }
}

bool OriginPatterns::Allow(absl::string_view origin) const {
  const std::string lower = absl::AsciiStrToLower(origin);
  return std::any_of(
      patterns_.begin(), patterns_.end(),
      [&](const std::string& pattern) { return Matches(pattern, lower); });
}

}  // namespace herald::gateway
