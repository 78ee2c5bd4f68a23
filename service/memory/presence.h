// SPDX-License-Identifier: Apache-2.0
//
// The users present on one channel: each with its subscriptions, or kept
// present without one by a grace. It detects a user's first and last
// subscription and does nothing else. A user that has left too often of late
// gets a grace until it may leave again.
//
// A subscription is named by its socket. A socket may briefly have two: it
// cancels a subscribe, and subscribes again before it learns that the first was
// granted. So each Join() has a Leave() of its own.
//
// Threads: none of its own; its owner locks.
//
// Invariant: every user has at least one subscription or is in grace. A call of
// EndGrace() is due by the end of each grace. bytes_ is the sum over the users.

#ifndef HERALD_SERVICE_MEMORY_PRESENCE_H_
#define HERALD_SERVICE_MEMORY_PRESENCE_H_

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
#include "service/memory/departure_limiter.h"
#include "service/memory/gateway_channels.h"

namespace herald::core {

class Presence {
 public:
  // Members that have joined and left, and new graces.
  struct Changes {
    std::vector<v1::Member> added;
    std::vector<std::string> removed;
    // Users without a subscription. Call EndGrace() for each after the time.
    std::vector<std::pair<std::string, absl::Duration>> away;
    // Users that stay for longer than their grace, because they have left too
    // often.
    int64_t delayed = 0;
  };

  // A grace that begins at `now`: the user stays present for `time`, or until
  // it may leave, whichever is longer.
  struct Grace {
    absl::Time now;
    absl::Duration time;
  };

  // Both outlive the object, and `gateways` learns its gateways.
  Presence(absl::string_view channel, DepartureLimiter* departures,
           GatewayChannels* gateways)
      : channel_(channel), departures_(departures), gateways_(gateways) {}
  // Immovable, because `gateways` keeps the address of the channel's name.
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  // Adds a subscription. True if the user was not there.
  bool Join(const v1::Member& member, const SocketRef& socket);

  // Ends one subscription of the socket.
  Changes Leave(absl::string_view user_id, const SocketRef& socket,
                const Grace& grace);

  // Replaces the members of a gateway.
  Changes Replace(uint64_t gateway, const std::vector<GatewayMember>& members,
                  const Grace& grace);

  // A time of `away` has passed: removes the user if its grace has expired. A
  // user with a subscription stays.
  Changes EndGrace(absl::string_view user_id, absl::Time now);

  // Removes all members, without a grace.
  Changes Clear();

  // Whether the gateway has a subscription.
  bool Has(uint64_t gateway) const { return by_gateway_.contains(gateway); }
  bool empty() const { return users_.empty(); }
  int64_t member_count() const { return static_cast<int64_t>(users_.size()); }

  // Bytes of all user_ids and user_infos if `member`, or `members`, were
  // present. A user who is present already adds nothing.
  int64_t BytesWith(const v1::Member& member) const;
  int64_t BytesWith(const std::vector<GatewayMember>& members) const;

  // All members, in the order of user ids; each socket once.
  std::vector<v1::PresentMember> Members() const;

  // See Directory::ListMembers().
  MembersPage MembersAfter(absl::string_view after, const PageSize& size) const;

 private:
  struct User {
    std::string user_info;
    // One entry for each subscription. There may be thousands, which may all
    // end at once.
    absl::btree_multiset<SocketRef> sockets;
    // Of a user without subscriptions. `awaited`: when the next EndGrace() is
    // due.
    absl::Time grace_end = absl::InfinitePast();
    absl::Time awaited = absl::InfiniteFuture();
  };

  using Users = absl::btree_map<std::string, User>;

  static v1::PresentMember PresentMemberOf(const Users::value_type& entry);

  // The user's entry, created with the user_info of `member` if necessary.
  User& Obtain(const v1::Member& member);
  // The user leaves. Returns the next one.
  Users::iterator Remove(Users::iterator user, absl::Time now,
                         Changes* changes);
  // Adds `delta` to the gateway's number of subscriptions.
  void Count(uint64_t gateway, int64_t delta);
  // The gateway has no subscription any more.
  void Forget(uint64_t gateway);
  // The user's last subscription has ended: begins the grace, or removes it.
  // Returns the next user.
  Users::iterator SendAway(Users::iterator user, const Grace& grace,
                           Changes* changes);

  const std::string channel_;
  DepartureLimiter* const departures_;
  GatewayChannels* const gateways_;

  Users users_;        // Ordered, so that rosters and pages are stable.
  int64_t bytes_ = 0;  // Of all user_ids and user_infos.
  absl::flat_hash_map<uint64_t, int64_t> by_gateway_;  // Subscriptions.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_MEMORY_PRESENCE_H_
