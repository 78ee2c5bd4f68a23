// SPDX-License-Identifier: Apache-2.0
//
// Who is on a presence channel: as the gateway's sockets were told (Roster),
// and who of them is the gateway's own (OwnMembers), which is what an attach
// says.
//
// Threads: none of their own; their owner locks.

#ifndef HERALD_GATEWAY_ROUTER_ROSTER_H_
#define HERALD_GATEWAY_ROUTER_ROSTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"
#include "gateway/protocol/server_message.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/server_message.pb.h"

namespace herald::gateway {

class Roster {
 public:
  struct Difference {
    std::vector<v1::Member> added;
    std::vector<std::string> removed;
  };

  // True if the user was not there; the user_info of the first holds.
  bool Add(const v1::Member& member);
  // True if the user was there.
  bool Remove(absl::string_view user_id);

  // Makes it the same as `truth`, and says what that changed.
  Difference Replace(const link::v1::Roster& truth);

  // The members at this moment, made when asked for the first time after a
  // change.
  const MembersPtr& Snapshot();

  bool empty() const { return users_.empty(); }

 private:
  using MemberPtr = std::shared_ptr<const v1::Member>;

  absl::btree_map<std::string, MemberPtr> users_;  // By user_id.
  MembersPtr snapshot_;                            // nullptr: not made.
};

class OwnMembers {
 public:
  // For each subscription, which its socket names; each Add() has a Remove() of
  // its own (see service/engine/presence.h).
  void Add(const v1::Member& member, absl::string_view socket_id);
  void Remove(absl::string_view user_id, absl::string_view socket_id);
  // All of them, in parts of about `bytes_max` at most; at least one part,
  // which may be empty. A user with many sockets may be in several.
  std::vector<link::v1::Held> Parts(int64_t bytes_max) const;
  bool empty() const { return users_.empty(); }

 private:
  struct User {
    std::string user_info;
    // One for each subscription. A user may have thousands, which may all
    // leave at once.
    absl::btree_multiset<std::string> socket_ids;
  };
  absl::btree_map<std::string, User> users_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ROSTER_H_
