// SPDX-License-Identifier: Apache-2.0
//
// Port: subscriptions and presence. It admits subscriptions, and notifies the
// listener of each user's first and last one (EngineListener). It expires
// leases and graces by itself, even if the node that began them has died.
//
// A gateway's entries belong to its attach number, which grows with each
// attach. So late calls of an earlier link cannot change the entries of the
// current one.
//
// An engine of several nodes counts subscriptions by these calls: Admit() adds
// one, Dismiss() ends one, Replace() sets how many a gateway has, and those of
// a link end with it.
//
// Threads: see channel_log.h.
//
// tests/contract/engine_presence_suite.h, engine_departure_suite.h and
// engine_lease_suite.h are the specification.

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

// A user's departures from one channel: so many in quick succession, and one
// more for each second. A user that has used them up stays present for up to a
// second longer. All subscribers are notified of each departure and of the join
// after it. So without a limit, a user that joins and leaves in a loop has
// readers disconnected.
inline constexpr int64_t kDeparturesAtOnce = 10;
inline constexpr int64_t kDeparturesPerSecond = 1;

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

// A subscription that asks to be admitted.
struct AdmissionRequest {
  SocketRef socket;
  int64_t attach = 0;  // The attach number of the socket's gateway.
  std::optional<v1::Member> member;  // The user that it makes present.
  // This node's other subscriptions of the channel, pending ones included; and
  // the limit for the channel, 0 for none.
  int64_t count = 0;
  int64_t count_max = 0;
};

enum class Admission {
  kAdmitted,
  kTooManySubscribers,
  kTooManyMembers,  // By contract::kMembersBytesMax.
  kUnavailable,     // Also if its link has ended; a retry may succeed.
};

class Membership : public Rosters {
 public:
  using AdmitDone = absl::AnyInvocable<void(Admission)>;
  using ReplaceDone = absl::AnyInvocable<void(const absl::Status&)>;
  using AttachDone = absl::AnyInvocable<void(absl::StatusOr<int64_t>)>;

  // Checks the limit and the members' bytes and makes the member present, in
  // one step. OnMemberAdded() precedes `done`, which is called with the shard
  // locked. A socket that is admitted twice must be dismissed twice. The
  // user_info of a user's first subscription holds until the last one ends.
  //
  // REQUIRES: the channel is open, and its shard locked.
  virtual void Admit(absl::string_view channel, AdmissionRequest subscription,
                     AdmitDone done) = 0;

  // Ends a subscription; `user_id` is empty if it made no user present. Does
  // nothing if it was not admitted, or if `attach` is not the gateway's newest
  // number. After the user's last subscription it stays present, without
  // sockets, for `grace`, or until it may leave (kDeparturesAtOnce), whichever
  // is longer. A return in time is no departure. The same holds if one of the
  // calls below ends its last subscription.
  //
  // REQUIRES: the shard is locked.
  virtual void Dismiss(absl::string_view channel, absl::string_view user_id,
                       const SocketRef& socket, int64_t attach,
                       absl::Duration grace) = 0;

  // Replaces the gateway's subscriptions of the channel, of which it has
  // `count`, and its members there. A user that is in both sets is neither
  // removed nor added. `done` is called with the shard locked.
  // Errors: UNAVAILABLE; INVALID_ARGUMENT if the channel's members would have
  // more than twice contract::kMembersBytesMax.
  //
  // REQUIRES: the channel is open, and its shard locked.
  virtual void Replace(absl::string_view channel, uint64_t gateway,
                       int64_t attach, int64_t count,
                       std::vector<GatewayMember> members, absl::Duration grace,
                       ReplaceDone done) = 0;

  // Begins the gateway's lease and returns its attach number, which is greater
  // than 0 and than all earlier ones. `done` is called without a shard lock.
  // Errors: UNAVAILABLE.
  //
  // REQUIRES: no shard is locked, as for the rest.
  virtual void Attach(uint64_t gateway, AttachDone done) = 0;

  // Removes the gateway's members from all other channels: an earlier link has
  // left them there.
  virtual void Keep(uint64_t gateway, int64_t attach,
                    const std::vector<std::string>& channels) = 0;

  // The link has ended. After a goodbye the gateway's members leave at once,
  // otherwise when the lease expires (OnLeaseEnded), unless the gateway
  // attaches again. Does nothing if `attach` is not its newest number.
  virtual void Detach(uint64_t gateway, int64_t attach, bool goodbye) = 0;

  // Call it after the rules have changed: removes all members of channels that
  // no longer have presence, at once and without counting departures.
  virtual void ApplyPresenceRules() = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_MEMBERSHIP_H_
