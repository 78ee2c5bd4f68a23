// SPDX-License-Identifier: Apache-2.0
//
// Who is present on one channel: users, each with the subscriptions that make
// them present. It knows who is the first and who the last, and nothing else.
//
// A subscription is named by its socket, and a socket may for a moment have
// two: it takes one back, and subscribes again before it knows that the first
// was granted. So each Join() has a Leave() of its own.
//
// Threads: none of its own; its owner locks.
//
// Invariant: every user has at least one subscription; bytes_ is the sum over
// the users.

#ifndef HERALD_SERVICE_CORE_PRESENCE_H_
#define HERALD_SERVICE_CORE_PRESENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "service/core/engine.h"

namespace herald::core {

class Presence {
 public:
  // What Replace() has changed.
  struct Changes {
    std::vector<v1::Member> added;
    std::vector<std::string> removed;
  };

  // Adds a subscription. True if it is the user's first.
  bool Join(const v1::Member& member, const SocketRef& socket);

  // Ends one subscription of the socket. True if it was the user's last.
  bool Leave(absl::string_view user_id, const SocketRef& socket);

  // Makes `members` all that a gateway has.
  Changes Replace(uint64_t gateway, const std::vector<GatewayMember>& members);

  bool Has(uint64_t gateway) const;
  bool empty() const { return users_.empty(); }
  int64_t member_count() const { return static_cast<int64_t>(users_.size()); }

  // See Engine::MemberBytesWith().
  int64_t BytesWith(const v1::Member& member) const;
  static int64_t BytesOf(const v1::Member& member);

  // Everybody, in the order of user ids; each socket once.
  std::vector<v1::PresentMember> Members() const;

 private:
  struct User {
    std::string user_info;
    std::vector<SocketRef> sockets;  // One entry for each subscription.
  };

  using Users = absl::btree_map<std::string, User>;

  // The user's entry, made with the user_info of `member` if need be.
  User& Obtain(const v1::Member& member);
  Users::iterator Erase(Users::iterator user);

  Users users_;        // Ordered, so that rosters and pages are stable.
  int64_t bytes_ = 0;  // Of all user_ids and user_infos.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_PRESENCE_H_
