// SPDX-License-Identifier: Apache-2.0
//
// The members of a presence channel: Roster holds all of them, as the gateway's
// sockets know them. OwnMembers holds those of the gateway's own sockets, which
// an attach sends.
//
// Threads: not thread-safe; the owner locks.

#ifndef HERALD_GATEWAY_CHANNELS_ROSTER_H_
#define HERALD_GATEWAY_CHANNELS_ROSTER_H_

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

  // Returns true if the user is new; a known user keeps its user_info.
  bool Add(const v1::Member& member);
  // Returns true if the user was a member.
  bool Remove(absl::string_view user_id);

  // Replaces all members by `truth`. Returns the difference.
  Difference Replace(const link::v1::Roster& truth);

  // The current members; built on the first call after a change.
  const MembersPtr& Snapshot();

  bool empty() const { return users_.empty(); }

 private:
  using MemberPtr = std::shared_ptr<const v1::Member>;

  absl::btree_map<std::string, MemberPtr> users_;  // By user_id.
  MembersPtr snapshot_;                            // nullptr: not built.
};

class OwnMembers {
 public:
  // One call for each subscription of a socket. Each Add() needs its own
  // Remove() (service/memory/presence.h).
  void Add(const v1::Member& member, absl::string_view socket_id);
  void Remove(absl::string_view user_id, absl::string_view socket_id);
  // All members, in parts of at most about `bytes_max` bytes. Returns at least
  // one part, which may be empty. A user with many sockets may be in several
  // parts.
  std::vector<link::v1::Held> Parts(int64_t bytes_max) const;
  bool empty() const { return users_.empty(); }

 private:
  struct OwnUser {
    std::string user_info;
    // One entry for each subscription. A user may have thousands, which may all
    // end at once.
    absl::btree_multiset<std::string> socket_ids;
  };
  absl::btree_map<std::string, OwnUser> users_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CHANNELS_ROSTER_H_
