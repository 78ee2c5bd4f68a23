// SPDX-License-Identifier: Apache-2.0
//
// Who is present on one channel: users, each with the subscriptions that make
// them present, and those whom a time of grace keeps present without one. It
// knows who is the first and who the last, and nothing else.
//
// A subscription is named by its socket, and a socket may for a moment have
// two: it takes one back, and subscribes again before it knows that the first
// was granted. So each Join() has a Leave() of its own.
//
// Threads: none of its own; its owner locks.
//
// Invariant: every user has at least one subscription or is in grace, and for
// whoever is in grace EndGrace() is awaited by then; bytes_ is the sum over the
// users.

#ifndef HERALD_SERVICE_ENGINE_PRESENCE_H_
#define HERALD_SERVICE_ENGINE_PRESENCE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "service/engine/directory.h"
#include "service/engine/membership.h"

namespace herald::core {

class Presence {
 public:
  // What has changed.
  struct Changes {
    std::vector<v1::Member> added;
    std::vector<std::string> removed;
    // Those for whom EndGrace() is to be called, in how long.
    std::vector<std::pair<std::string, absl::Duration>> away;
  };

  // From when on somebody is away, and for how long that is not told.
  struct Grace {
    absl::Time now;
    absl::Duration time;
  };

  // Adds a subscription. True if the user was not there.
  bool Join(const v1::Member& member, const SocketRef& socket);

  // Ends one subscription of the socket.
  Changes Leave(absl::string_view user_id, const SocketRef& socket,
                const Grace& grace);

  // Makes `members` all that a gateway has.
  Changes Replace(uint64_t gateway, const std::vector<GatewayMember>& members,
                  const Grace& grace);

  // Time has passed for somebody who was away; who is there again stays.
  Changes EndGrace(absl::string_view user_id, absl::Time now);

  // Nobody is there any more.
  Changes Clear();

  // Whether the gateway has a subscription. O(1), for a link that comes or goes
  // asks all channels.
  bool Has(uint64_t gateway) const { return by_gateway_.contains(gateway); }
  bool empty() const { return users_.empty(); }
  int64_t member_count() const { return static_cast<int64_t>(users_.size()); }

  // Bytes of all user_ids and user_infos if `member`, or `members`, were
  // present. A user who is present already adds nothing.
  int64_t BytesWith(const v1::Member& member) const;
  int64_t BytesWith(const std::vector<GatewayMember>& members) const;

  // Everybody, in the order of user ids; each socket once.
  std::vector<v1::PresentMember> Members() const;

  // See Directory::ListMembers().
  MembersPage MembersAfter(absl::string_view after, const PageSize& size) const;

 private:
  struct User {
    std::string user_info;
    // One entry for each subscription. There may be thousands, which may all
    // leave at once.
    absl::btree_multiset<SocketRef> sockets;
    // Of whoever has none. `awaited` is when the soonest EndGrace() comes.
    absl::Time grace_end = absl::InfinitePast();
    absl::Time awaited = absl::InfiniteFuture();
  };

  using Users = absl::btree_map<std::string, User>;

  static v1::PresentMember PresentMemberOf(const Users::value_type& entry);

  // The user's entry, made with the user_info of `member` if need be.
  User& Obtain(const v1::Member& member);
  Users::iterator Erase(Users::iterator user);
  // So many more subscriptions of the gateway.
  void Count(uint64_t gateway, int64_t delta);
  // Its last subscription has ended. Returns the user behind it.
  Users::iterator SendAway(Users::iterator user, const Grace& grace,
                           Changes* changes);

  Users users_;        // Ordered, so that rosters and pages are stable.
  int64_t bytes_ = 0;  // Of all user_ids and user_infos.
  absl::flat_hash_map<uint64_t, int64_t> by_gateway_;  // Subscriptions.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_PRESENCE_H_
