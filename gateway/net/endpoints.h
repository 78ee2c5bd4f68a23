// SPDX-License-Identifier: Apache-2.0
//
// Which client protocol is served on which path of the browsers' port.
//
// Threads: any, once the loops run: constant then.

#ifndef HERALD_GATEWAY_NET_ENDPOINTS_H_
#define HERALD_GATEWAY_NET_ENDPOINTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gateway/protocol/dialect.h"

namespace herald::gateway {

class Endpoints {
 public:
  // `path` begins with a slash; the dialect outlives the object.
  void Add(std::string path, const Dialect* dialect) {
    endpoints_.emplace_back(std::move(path), dialect);
  }

  // The dialect of a request's path, without its query; nullptr if nothing is
  // served there. A slash may follow the path, which routers and people append.
  const Dialect* Find(absl::string_view path) const;

  // The paths for a page that lists them: "/ws (WebSocket), ".
  std::string Describe() const;

 private:
  std::vector<std::pair<std::string, const Dialect*>> endpoints_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_ENDPOINTS_H_
