// SPDX-License-Identifier: Apache-2.0
//
// Port: what the nodes of a cluster would share. The order of publications,
// their history, idempotency keys, and who is present. (The interest of nodes
// joins it with its issue.)
//
// What is published or who joins comes back through EngineListener, in one
// order per channel, and only that is fanned out: on a cluster another
// node's publications come the same way.
//
// Threads: calls for one channel never overlap, for the caller holds the
// channel's shard locked. MemoryEngine calls back before it returns, so the
// lock is held then; an engine that answers later has to take it first.
//
// tests/contract/engine_suite.h is the specification.

#ifndef HERALD_SERVICE_ENGINE_ENGINE_H_
#define HERALD_SERVICE_ENGINE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/v1/broadcast_service.pb.h"
#include "herald/v1/server_message.pb.h"
#include "service/channel/position.h"
#include "service/channel/publication.h"
#include "service/channel/rosters.h"

namespace herald::core {

// One connection of a member: its gateway, and its name on the wire.
struct SocketRef {
  uint64_t gateway = 0;
  std::string socket_id;

  friend auto operator<=>(const SocketRef&, const SocketRef&) = default;
};

// How many members a page may have, and how many bytes on the wire; one member
// alone may have more.
struct PageSize {
  int64_t count_max = 0;
  int64_t bytes_max = 0;
};

struct MembersPage {
  std::vector<v1::PresentMember> members;
  bool more = false;  // There are others behind them.
};

// One user of one gateway, with all sockets that it has there.
struct GatewayMember {
  v1::Member member;
  std::vector<std::string> socket_ids;
};

// What an engine tells its owner.
class EngineListener {
 public:
  virtual ~EngineListener() = default;

  // The channel's history begins here, or anew: what was known of its position
  // does not hold any more. Comes before all that the new epoch numbers.
  virtual void OnHistoryBegan(absl::string_view channel,
                              const Position& position) = 0;

  // The next publication of its channel. Returns how many sockets of this node
  // are subscribed.
  virtual int64_t OnPublication(const PublicationPtr& publication) = 0;

  // The first socket of a user has joined; the last one has left, and with it
  // the time of grace.
  virtual void OnMemberAdded(absl::string_view channel,
                             const v1::Member& member) = 0;
  virtual void OnMemberRemoved(absl::string_view channel,
                               absl::string_view user_id) = 0;

  // The last socket of a user has left, and `grace` is its time to return: call
  // Engine::EndGrace() when it is over.
  virtual void OnMemberAway(absl::string_view channel,
                            absl::string_view user_id,
                            absl::Duration grace) = 0;

  // For want of room, an idempotency key was forgotten before its time; so were
  // the histories of `channels` channels.
  virtual void OnKeyEvicted() {}
  virtual void OnHistoriesEvicted(int64_t /*channels*/) {}
};

class Engine : public Rosters {
 public:
  struct Receipt {
    Position position;        // The publication's; none without history.
    int64_t subscribers = 0;  // Excepted ones included.
    bool repeated = false;    // Answered from the memory of the key.
  };
  struct PublishOptions {
    absl::string_view idempotency_key;  // Empty: none.
    HistoryLimits history;
  };
  using PublishDone = absl::AnyInvocable<void(absl::StatusOr<Receipt>)>;

  // Says who listens. Called once, before all else; `listener` outlives the
  // engine's last call.
  virtual void SetListener(EngineListener* listener) = 0;

  // Gives the publication its place in its channel (and its `offset`, if the
  // channel has a history), remembers it and gives it to the listener. With a
  // key that the channel has seen within kIdempotencyLife, or within the time
  // to live of its history if that is longer, answers the first receipt and
  // does nothing else. Errors: UNAVAILABLE.
  virtual void Publish(std::shared_ptr<Publication> publication,
                       const PublishOptions& options, PublishDone done) = 0;

  // Where the channel's history is; begins it if there is none. REQUIRES:
  // `limits.size` is not 0.
  virtual Position PositionOf(absl::string_view channel,
                              const HistoryLimits& limits) = 0;

  // The same, without beginning one.
  virtual std::optional<Position> Peek(absl::string_view channel) const = 0;

  // What the channel has said since a position, or all that is remembered; at
  // most `count_max` of it, the oldest first. A position without epoch and
  // offset asks for the latest publication.
  virtual Missed Since(absl::string_view channel,
                       const std::optional<Position>& since,
                       size_t count_max) = 0;

  // Nobody listens to the channel any more: counts as use.
  virtual void Release(absl::string_view channel) = 0;

  // Gives up the channel's history; the second one only if it is idle, that is
  // empty and was not used for its time to live. A history in which nothing was
  // ever said is idle after kUnsaidLife.
  virtual void Forget(absl::string_view channel) = 0;
  virtual void ForgetIfIdle(absl::string_view channel) = 0;

  // Frees what is out of time. Returns channels whose history is idle now; the
  // caller forgets those nobody listens to. May be called without locks.
  virtual std::vector<std::string> Expire() = 0;

  // The channels with histories, what bytes these take, and how many they are.
  // May be called without locks.
  virtual std::vector<std::string> HistoryChannels() const = 0;
  virtual int64_t HistoryBytes() const = 0;
  virtual int64_t HistoryCount() const = 0;

  // Adds or removes one subscription of a user, which its socket names. A
  // socket that joins twice has to leave twice; leaving without having joined
  // changes nothing. The user_info of the first holds until the last has left.
  // Who has left is present for the time of `grace` still, without sockets.
  virtual void Join(absl::string_view channel, const v1::Member& member,
                    const SocketRef& socket) = 0;
  virtual void Leave(absl::string_view channel, absl::string_view user_id,
                     const SocketRef& socket, absl::Duration grace) = 0;

  // Makes `members` all that `gateway` has on the channel. Who is on it before
  // and after is neither removed nor added.
  virtual void Replace(absl::string_view channel, uint64_t gateway,
                       const std::vector<GatewayMember>& members,
                       absl::Duration grace) = 0;

  // A time of grace may be over: the user has left, unless it has returned or
  // been away again since.
  virtual void EndGrace(absl::string_view channel,
                        absl::string_view user_id) = 0;

  // Everybody leaves, those in grace too.
  virtual void RemoveMembers(absl::string_view channel) = 0;

  // The channels that have members. May be called without their locks.
  virtual std::vector<std::string> PresenceChannels() const = 0;

  // The channels on which the gateway has members, as far as Join(), Leave()
  // and Replace() have returned. May be called without the channels' locks.
  virtual std::vector<std::string> ChannelsOf(uint64_t gateway) const = 0;

  // Those whose user id is greater than `after`, in the same order: as many as
  // `size` allows.
  virtual MembersPage MembersAfter(absl::string_view channel,
                                   absl::string_view after,
                                   const PageSize& size) const = 0;

  // What the channel's members would have in bytes, each one's user_id and
  // user_info, if `member` were there. Somebody who is there adds nothing.
  virtual int64_t MemberBytesWith(absl::string_view channel,
                                  const v1::Member& member) const = 0;

  // Users present, summed over all channels.
  virtual int64_t TotalMemberCount() const = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_ENGINE_H_
