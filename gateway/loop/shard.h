// SPDX-License-Identifier: Apache-2.0
//
// All that one event loop knows: its sessions, who of them listens to what, and
// when something is due. Nothing of it is locked, for nothing leaves the loop.
//
// Threads: its loop, for every method.
//
// A turn of the loop: Deliver() takes what came from the link, Receive() what
// came from sockets; both only append to outboxes. FlushDirty() ends the turn
// and writes each of these sockets once; only one whose outbox a turn fills is
// written before. What a large channel has said is noted once for all, and a
// turn writes it to a few (shard_bulk.cc); of sessions that end, it ends a few
// subscriptions (shard_leaving.cc). The first append asks for the flush through
// Loop::RequestFlush(), and so does a turn that leaves some for the next.

#ifndef HERALD_GATEWAY_LOOP_SHARD_H_
#define HERALD_GATEWAY_LOOP_SHARD_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/loop/client_flow.h"
#include "gateway/loop/connection_facts.h"
#include "gateway/loop/drain.h"
#include "gateway/loop/loop.h"
#include "gateway/loop/session.h"
#include "gateway/loop/socket.h"
#include "gateway/loop/subscription_table.h"
#include "gateway/loop/timer_wheel.h"
#include "gateway/loop/write_queue.h"
#include "gateway/protocol/dialect.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/delivery.h"
#include "gateway/router/router.h"

namespace herald::gateway {

// Grants that are asked again because all are, or because nobody could decide,
// go out at most so many at a time, once per TimerWheel::kSlot: the authorizer
// has other work too.
inline constexpr int64_t kRenewalsPerSlot = 100;

// A channel that has more subscribers on a loop is a large one.
inline constexpr size_t kBulkSubscribers = 128;

// Subscribers of large channels that a turn visits: about an eighth of a
// millisecond.
inline constexpr int kBulkVisitsPerTurn = 64;

struct ShardOptions {
  int index = 0;                     // Of this shard, from 0.
  int64_t subscriptions_max = 1000;  // Per socket.
  ClientRates rates = {};            // Per socket.
  // A socket whose waiting bytes do not leave for so long is a slow reader.
  absl::Duration write_timeout = absl::Seconds(30);
};

class Shard {
 public:
  // The pointers outlive the shard. `now` starts its wheel.
  Shard(ShardOptions options, Router* router, const Dialect* dialect,
        Loop* loop, Observer* observer, absl::Time now);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // A connection was upgraded: makes its session and says `connected`.
  // `socket_number` is the second part of its id, random, new, and not 0. The
  // result lives until Closed().
  Session* Open(Socket* socket, uint64_t socket_number, ConnectionFacts facts);

  // Where Open() is to have its facts from.
  HeaderPool& headers() { return headers_; }

  // A whole text message has come from the client; a control frame; a part of
  // a message.
  void Receive(Session* session, absl::string_view text);
  void ReceiveControlFrame(Session* session);
  void SignOfLife(Session* session);

  // The connection is gone, whoever ended it. The session's subscriptions end
  // in this turn or in later ones.
  void Closed(Session* session);

  // A batch has come from the router.
  void Deliver(std::vector<Delivery> batch);

  // Ends a turn.
  void FlushDirty();

  // Time passes. `awake` is for what waits for a client: heartbeats, timeouts
  // (awake_clock.h); `now` is Loop::Monotonic(), for grants, which end on time.
  // Call it every TimerWheel::kSlot.
  void Advance(absl::Time awake, absl::Time now);

  // Closes at most `count` sessions with kGoingAway, in no order, each with a
  // delay of `drain`. Returns how many are left that have not been told to
  // close.
  int64_t CloseSome(int64_t count, Drain* drain);

  TimerWheel& wheel() { return wheel_; }
  int64_t session_count() const {
    return static_cast<int64_t>(sessions_.size());
  }
  size_t message_bytes_max() const;

 private:
  friend class Session;

  // What sessions do through the shard.
  void Send(Session* session, const ServerMessage& message);
  // Its frames share the message's life, so that the router finds the answer as
  // long as it waits for a socket (roster_answer.h).
  void Send(Session* session, const EncodedMessagePtr& message);
  // Its first `written` bytes have been written already.
  void SendFrame(Session* session, const Frame& frame, size_t written = 0);
  // Whether the session has room for this whisper; if not, its sender is slowed
  // down.
  bool TakesWhisper(Session* session, const Frame& frame);
  void RequestFlush();
  // Closes its socket; its subscriptions end in this turn or in later ones.
  void CloseSession(Session* session, contract::CloseReason why,
                    absl::string_view text);
  // Takes it out of everything but its session.
  void Forget(Subscription* subscription);
  // A grant of `life` begins now.
  void BeginGrant(Subscription* subscription, absl::Duration life);
  void ScheduleGrant(Subscription* subscription, absl::Time when);
  // Schedules it to be asked again at `when`, or in the first slot behind that
  // which has room, or at its end.
  void ScheduleRenewal(Subscription* subscription, absl::Time when);

  // Sessions that end (shard_leaving.cc).
  void BeginToLeave(Session* session, std::optional<std::string> bye = {});
  // As CloseSession(), behind those who leave already, a few in a turn.
  // REQUIRES: it has a subscription.
  void CloseInTurn(Session* session, contract::CloseReason why,
                   absl::string_view text);
  void DestroyIfGone(Session* session);
  // Answers a call when all who leave now have left.
  void AnswerWhenAllHaveLeft(link::v1::CallResult result);
  // Ends a subscription, if it is active, and notifies its client: it gets
  // nothing that is delivered from now on, and the rest happens in a turn, or
  // in EndNow().
  void EndInTurn(Subscription* subscription, absl::string_view reason);
  void EndNow(Subscription* subscription);
  // Takes those of EndInTurn() out of the channel's subscribers.
  void Mute(Channel* channel);
  // A turn's part of the subscriptions, and of the sockets, that end.
  std::vector<Ending> NextToEnd();
  void EndSome();
  // Lets go of those in front that have none left, and closes a few sockets.
  void DismissLeavers();

  // Large channels (shard_bulk.cc).
  // False for a whisper for which there is no room.
  bool Spread(Channel* channel, const Frame& frame, uint64_t except_socket);
  bool HasRoomInBacklog(const Channel& channel, const Frame& frame);
  // A turn's part of the bulk.
  void WriteBulk();
  // Visits up to `count` subscribers. Returns how many of `count` are left.
  int VisitSome(Channel* channel, int count, absl::Time now);
  // The pass has ended. False if none follows now.
  bool BeginPass(Channel* channel, absl::Time now);
  // Writes or appends what it lacks. REQUIRES: its channel has a backlog.
  void Give(Subscription* subscription);
  // As Give(), if there is a backlog: what comes next for it comes behind that.
  void CatchUp(Subscription* subscription);
  // With all its channels.
  void CatchUp(Session* session);
  // Before it leaves its channel.
  void LeaveBulk(Subscription* subscription);

  // Whether a subscriber of the channel is the one who is not to have it.
  bool IsExcepted(const ChannelMessage& message, const Channel& channel);

  // Deliveries.
  void On(ChannelMessagePtr& shared);
  void On(Confirmed& confirmed);
  void On(Refused& refused);
  void On(Renewed& renewed);
  void On(RenewAll& all);
  void On(SubscribedAgain& again);
  void On(Congested& congested);
  void On(NewSettings& settings);
  void On(v1::Revocation& revocation);
  void On(link::v1::Call& call);
  void OnDisconnect(const link::v1::Call& call);

  void Revoke(Session* session, absl::string_view channel,
              absl::string_view reason);
  std::vector<Session*> SessionsOf(absl::string_view user_id);
  Session* Find(absl::string_view socket_id);
  Subscription* FindTicket(int64_t ticket);
  // The answer to a ticket that was cancelled has come.
  void CancelledIsAnswered(int64_t ticket, int64_t bytes);
  void GrantDue(int64_t ticket);
  // Looks at those whose pause may be over.
  void EndPauses();

  // Constant after construction.
  const ShardOptions options_;
  Router* const router_;
  const Dialect* const dialect_;
  Loop* const loop_;
  Observer* const observer_;

  std::shared_ptr<const link::v1::Settings> settings_;
  contract::ChannelRulesPtr rules_;  // Those of settings_.
  TimerWheel wheel_;
  absl::Time now_;  // Of the last Advance(), for grants and rates.
  SubscriptionTable table_;
  HeaderPool headers_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Session>> sessions_;
  absl::flat_hash_map<int64_t, Subscription*> tickets_;
  // Tickets, cancelled and still open, with their sockets' numbers.
  absl::flat_hash_map<int64_t, uint64_t> cancelled_;
  // Sockets that are not read because of a rate, and until when.
  absl::flat_hash_map<uint64_t, absl::Time> paused_;
  // When which ticket's grant wants attention.
  absl::btree_set<std::pair<absl::Time, int64_t>> grants_;
  // The last slot for renewals that is given away, and how many are in it.
  absl::Time renewal_slot_ = absl::InfinitePast();
  int64_t renewals_in_slot_ = 0;
  WriteQueue writes_;
  std::deque<Channel*> bulk_;  // Those with a backlog, the next first.
  std::deque<Leaver> leavers_;
  std::deque<Revoked> revoked_;    // Those of leavers_.
  uint32_t first_revocation_ = 0;  // Number of the first one.
  absl::Time link_rests_until_ = absl::InfinitePast();  // From leavers' ends.
  std::vector<uint64_t> overflowed_;  // To be cut at the end of the turn.
  bool flush_requested_ = false;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_SHARD_H_
