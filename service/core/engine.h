// SPDX-License-Identifier: Apache-2.0
//
// Port: what the nodes of a cluster would share. The order of publications,
// idempotency keys, and who is present. (History and the interest of nodes join
// it with their issues.)
//
// What is published or who joins comes back through EngineListener, in one
// order per channel, and the hub fans out only that: on a cluster another
// node's publications come the same way.
//
// Threads: calls for one channel never overlap, for the hub holds the channel's
// shard locked. MemoryEngine calls back before it returns, so the lock is held
// then; an engine that answers later has to take it first.
//
// tests/contract/engine_suite.h is the specification.

#ifndef HERALD_SERVICE_CORE_ENGINE_H_
#define HERALD_SERVICE_CORE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/v1/broadcast_service.pb.h"
#include "herald/v1/server_message.pb.h"
#include "service/core/publication.h"

namespace herald::core {

// One connection of a member: its gateway, and its name on the wire.
struct SocketRef {
  uint64_t gateway = 0;
  std::string socket_id;
};

// One user of one gateway, with all sockets that it has there.
struct GatewayMember {
  v1::Member member;
  std::vector<std::string> socket_ids;
};

// What an engine tells the hub.
class EngineListener {
 public:
  virtual ~EngineListener() = default;

  // The next publication of its channel. Returns how many sockets of this node
  // are subscribed.
  virtual int64_t OnPublication(const PublicationPtr& publication) = 0;

  // The first socket of a user has joined; the last one has left.
  virtual void OnMemberAdded(absl::string_view channel,
                             const v1::Member& member) = 0;
  virtual void OnMemberRemoved(absl::string_view channel,
                               absl::string_view user_id) = 0;

  // An idempotency key was forgotten before its time, for want of room.
  virtual void OnKeyEvicted() {}
};

class Engine {
 public:
  struct Receipt {
    int64_t subscribers = 0;  // Excepted ones included.
    bool repeated = false;    // Answered from the memory of the key.
  };
  using PublishDone = absl::AnyInvocable<void(absl::StatusOr<Receipt>)>;

  virtual ~Engine() = default;

  // Says who listens. Called once, before all else; `listener` outlives the
  // engine's last call.
  virtual void SetListener(EngineListener* listener) = 0;

  // Gives the publication its place in its channel and to the listener. With an
  // `idempotency_key` that the channel has seen within kIdempotencyLife,
  // answers the first receipt and does nothing else. Errors: UNAVAILABLE.
  virtual void Publish(PublicationPtr publication,
                       absl::string_view idempotency_key, PublishDone done) = 0;

  // Adds or removes one subscription of a user, which its socket names. A
  // socket that joins twice has to leave twice; leaving without having joined
  // changes nothing. The user_info of the first holds until the last has left.
  virtual void Join(absl::string_view channel, const v1::Member& member,
                    const SocketRef& socket) = 0;
  virtual void Leave(absl::string_view channel, absl::string_view user_id,
                     const SocketRef& socket) = 0;

  // Makes `members` all that `gateway` has on the channel. Who is on it before
  // and after is neither removed nor added.
  virtual void Replace(absl::string_view channel, uint64_t gateway,
                       const std::vector<GatewayMember>& members) = 0;

  // The channels on which the gateway has members, as far as Join(), Leave()
  // and Replace() have returned. May be called without the channels' locks.
  virtual std::vector<std::string> ChannelsOf(uint64_t gateway) const = 0;

  // Everybody present, in the order of user ids; empty for unknown channels.
  virtual std::vector<v1::PresentMember> Members(
      absl::string_view channel) const = 0;
  virtual int64_t MemberCount(absl::string_view channel) const = 0;

  // What the channel's members would have in bytes, each one's user_id and
  // user_info, if `member` were there. Somebody who is there adds nothing.
  virtual int64_t MemberBytesWith(absl::string_view channel,
                                  const v1::Member& member) const = 0;

  // Users present, summed over all channels.
  virtual int64_t TotalMemberCount() const = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_ENGINE_H_
