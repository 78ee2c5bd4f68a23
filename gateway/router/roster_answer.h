// SPDX-License-Identifier: Apache-2.0
//
// The last `subscribed` of a presence channel, for the next socket that is
// answered the same. It carries the whole roster, so it is encoded once for all
// who get it. It is kept only while it is on its way to a socket: an idle
// channel has no second copy of its roster.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_GATEWAY_ROUTER_ROSTER_ANSWER_H_
#define HERALD_GATEWAY_ROUTER_ROSTER_ANSWER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "gateway/protocol/frame.h"
#include "gateway/router/roster.h"
#include "herald/v1/server_message.pb.h"

namespace herald::gateway {

class RosterAnswer {
 public:
  // The answer with these members, at this position (nullptr: none); made by
  // `encode` unless it is the last one.
  FrameBytes Get(
      const Roster::JsonPtr& members, const v1::Position* position,
      std::optional<bool> recovered,
      absl::FunctionRef<FrameBytes(const std::string* members)> encode);

 private:
  std::weak_ptr<const std::string> frame_;
  std::weak_ptr<const std::string> members_;
  std::string epoch_;  // Empty: no position.
  int64_t offset_ = 0;
  std::optional<bool> recovered_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ROSTER_ANSWER_H_
