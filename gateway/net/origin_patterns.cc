// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/origin_patterns.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "proto/contract/channel_rules.h"

namespace herald::gateway {

OriginPatterns::OriginPatterns(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    patterns_.push_back(absl::AsciiStrToLower(pattern));
  }
}

bool OriginPatterns::Allow(absl::string_view origin) const {
  const std::string lower = absl::AsciiStrToLower(origin);
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const std::string& pattern) {
                       return contract::MatchesPattern(pattern, lower);
                     });
}

}  // namespace herald::gateway
