// SPDX-License-Identifier: Apache-2.0
//
// Port: the members of a presence channel, as they were delivered to its
// listeners.

#ifndef HERALD_SERVICE_CHANNEL_ROSTERS_H_
#define HERALD_SERVICE_CHANNEL_ROSTERS_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "herald/v1/broadcast_service.pb.h"

namespace herald::core {

// Threads: with the channel's shard locked.
class Rosters {
 public:
  virtual ~Rosters() = default;

  // All members, in the order of user ids; empty for unknown channels.
  virtual std::vector<v1::PresentMember> Members(
      absl::string_view channel) const = 0;
  virtual int64_t MemberCount(absl::string_view channel) const = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_ROSTERS_H_
