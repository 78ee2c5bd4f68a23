// SPDX-License-Identifier: Apache-2.0
//
// The origins that may open a WebSocket: the patterns of
// BROADCAST_ALLOWED_ORIGINS.
//
// A pattern is compared with the whole `Origin` header, ignoring case; `*`
// matches any run of characters, including an empty one. So
// `https://*.example.org` allows every host below example.org but not
// example.org itself.
//
// Threads: any; constant after construction.

#ifndef HERALD_GATEWAY_NET_ORIGIN_PATTERNS_H_
#define HERALD_GATEWAY_NET_ORIGIN_PATTERNS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::gateway {

class OriginPatterns {
 public:
  // With an empty list no origin is allowed.
  explicit OriginPatterns(const std::vector<std::string>& patterns);

  // Returns true if one of the patterns matches. Takes O(origin × bytes of the
  // patterns) at worst, for any number of stars.
  bool Allow(absl::string_view origin) const;

 private:
  std::vector<std::string> patterns_;  // In lower case.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_ORIGIN_PATTERNS_H_
