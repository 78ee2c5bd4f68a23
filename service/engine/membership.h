// SPDX-License-Identifier: Apache-2.0
//
// Port: who is subscribed and who is present. It admits, tells of the first
// subscription of a user and of the last (EngineListener), and ends leases and
// graces by itself, whichever node is alive.
//
// A gateway's entries belong to its attach number, which grows each time that
// it attaches: what an earlier link of it has left behind can be told from what
// it holds now.
//
// Threads: as channel_log.h says.
//
// tests/contract/engine_presence_suite.h and engine_lease_suite.h are the
// specification.

#ifndef HERALD_SERVICE_ENGINE_MEMBERSHIP_H_
#define HERALD_SERVICE_ENGINE_MEMBERSHIP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/v1/server_message.pb.h"
#include "service/channel/rosters.h"

namespace herald::core {

// One connection of a member: its gateway, and its name on the wire.
struct SocketRef {
  uint64_t gateway = 0;
  std::string socket_id;

  friend auto operator<=>(const SocketRef&, const SocketRef&) = default;
};

// One user of one gateway, with all sockets that it has there.
struct GatewayMember {
  v1::Member member;
  std::vector<std::string> socket_ids;
};

// A subscription that wants to be.
struct Subscription {
  SocketRef socket;
  int64_t attach = 0;  // The attach number of the socket's gateway.
  std::optional<v1::Member> member;  // Whoever becomes present by it.
  // Other subscriptions of the channel that this node has or has asked for, and
  // how many there may be in all; 0: any number.
  int64_t count = 0;
  int64_t count_max = 0;
};

// What becomes of it.
enum class Admission {
  kAdmitted,
  kTooManySubscribers,
  kTooManyMembers,  // By contract::kMembersBytesMax.
  kUnavailable,     // Or of a link that has ended; it may be tried again.
};

class Membership : public Rosters {
 public:
  using AdmitDone = absl::AnyInvocable<void(Admission)>;
  using ReplaceDone = absl::AnyInvocable<void(const absl::Status&)>;
  using AttachDone = absl::AnyInvocable<void(absl::StatusOr<int64_t>)>;

  // Decides the limit and the members' bytes, and makes the member present, in
  // one step. A user who is new has been told of when `done` is called, which
  // is with the shard locked. A socket that is admitted twice has to be
  // dismissed twice. The user_info of the first holds until the last has left.
  //
  // REQUIRES: the channel is open, and its shard locked.
  virtual void Admit(absl::string_view channel, Subscription subscription,
                     AdmitDone done) = 0;

  // A subscription has ended; without `user_id` one by which nobody was
  // present. Who was not admitted is not an error, nor is an attach number that
  // is not the newest: what its gateway holds since says Replace(). Whose last
  // subscription it was is present for the time of `grace` still, without
  // sockets. REQUIRES: the shard is locked.
  virtual void Dismiss(absl::string_view channel, absl::string_view user_id,
                       const SocketRef& socket, int64_t attach,
                       absl::Duration grace) = 0;

  // Makes `members` all that `gateway` has on the channel. Who is on it before
  // and after is neither removed nor added. `done` is called with the shard
  // locked. Errors: UNAVAILABLE; INVALID_ARGUMENT if the channel's members
  // would have more than twice contract::kMembersBytesMax.
  //
  // REQUIRES: the channel is open, and its shard locked.
  virtual void Replace(absl::string_view channel, uint64_t gateway,
                       int64_t attach, std::vector<GatewayMember> members,
                       absl::Duration grace, ReplaceDone done) = 0;

  // The gateway has a link. Answers its attach number, which is greater than 0
  // and than all before. `done` is called without a lock. Errors: UNAVAILABLE.
  //
  // REQUIRES: no shard is locked, as for the rest.
  virtual void Attach(uint64_t gateway, AttachDone done) = 0;

  // The gateway holds the `channels` and no others: its members on others are
  // those of an earlier link, and leave.
  virtual void Keep(uint64_t gateway, int64_t attach,
                    const std::vector<std::string>& channels) = 0;

  // The link has ended. Unless the gateway attaches again, its members leave:
  // at once after a goodbye, else when the lease is over, of which the listener
  // is told. An attach number that is not its newest changes nothing.
  virtual void Detach(uint64_t gateway, int64_t attach, bool goodbye) = 0;

  // The rules have changed: all members leave where there are none any more.
  virtual void ApplyPresenceRules() = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_MEMBERSHIP_H_
