// SPDX-License-Identifier: Apache-2.0
//
// One event loop's part of the gateway: its sessions, and all deliveries to
// them. It needs no lock, because only its loop uses it.
//
// Threads: its loop, for every method.
//
// A turn of the loop: Deliver() takes the items of the link, Receive() the
// messages of sockets; both only append to outboxes. FlushDirty() ends the turn
// and writes each of these sockets once; only an outbox that a turn fills is
// written before. An event of a large channel is stored once, and each turn
// writes it to a few subscribers (bulk_writer.h). Each turn also ends a few
// subscriptions of the sessions that end (departures.h). The first append asks
// for the flush through Loop::RequestFlush(), and so does a turn that leaves
// some for the next.

#ifndef HERALD_GATEWAY_SESSION_SHARD_H_
#define HERALD_GATEWAY_SESSION_SHARD_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/channels/delivery.h"
#include "gateway/loop/loop.h"
#include "gateway/loop/loop_parts.h"
#include "gateway/protocol/dialect.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/router.h"
#include "gateway/session/departures.h"
#include "gateway/session/drain.h"
#include "gateway/session/session.h"
#include "gateway/socket/connection_facts.h"
#include "gateway/socket/socket.h"
#include "proto/contract/channel_key.h"

namespace herald::gateway {

class Shard {
 public:
  // The pointers outlive the shard. `now` starts its wheel.
  Shard(ShardOptions options, Router* router, Loop* loop,
        GatewayObserver* observer, absl::Time now);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // A connection was upgraded: makes its session, for a client that speaks
  // `dialect`, and sends `connected`. `socket_number` is the second part of its
  // id, random, new, and not 0. The dialect outlives the shard; the result
  // lives until Closed(). With a `refusal`, the dialect has refused the client,
  // which gets that instead. `app` is that of the client's channels.
  Session* Open(Socket* socket, const Dialect* dialect, uint64_t socket_number,
                ConnectionFacts facts, const Goodbye* refusal = nullptr,
                absl::string_view app = contract::kFirstApp);

  // The pool for the facts that are passed to Open().
  HeaderPool& headers() { return headers_; }

  // The client has sent a whole text message; so many control frames, or
  // fragments that end no message; a part of a message.
  void Receive(Session* session, absl::string_view text);
  void ReceiveFrames(Session* session, int64_t count);
  void SignOfLife(Session* session) { session->OnSignOfLife(); }

  // The connection is gone, whichever side ended it. The session's
  // subscriptions end in this turn or in later ones.
  void Closed(Session* session);

  // Delivers the router's next message. Returns how many sockets of small
  // channels were visited, plus 1.
  int64_t Deliver(Delivery& delivery);

  // Sockets that FlushDirty() will write. Large channels are not counted,
  // because each turn writes a few subscribers only.
  int64_t unwritten_count() const { return loop_.writer.unwritten_count(); }

  // Ends a turn.
  void FlushDirty();

  // Time passes. `awake` is for waits for a client: heartbeats, timeouts
  // (awake_clock.h); `now` is Loop::Monotonic(), for grants, which end on time.
  // Call it every TimerWheel::kSlot.
  void Advance(absl::Time awake, absl::Time now);

  // Closes at most `count` sessions with kGoingAway, in no order, each with a
  // delay of `drain`. Returns how many are left that are not closing.
  int64_t CloseSome(int64_t count, Drain* drain);

  TimerWheel& wheel() { return loop_.state.wheel; }
  int64_t session_count() const {
    return static_cast<int64_t>(sessions_.size());
  }
  size_t message_bytes_max() const { return loop_.state.message_bytes_max(); }

 private:
  // Deliveries.
  void On(ChannelMessagePtr& shared);
  void On(Confirmed& confirmed);
  void On(Refused& refused);
  void On(Renewed& renewed);
  void On(RenewAll& all);
  void On(SubscribedAgain& again);
  void On(SocketAnswered& answer);
  void On(Congested& congested);
  void On(NewSettings& settings);
  void On(v1::Revocation& revocation);
  void On(link::v1::Call& call);
  void OnDisconnect(const link::v1::Call& call);

  // Sends the message to the channel's clients of one dialect.
  void DeliverTo(LoopChannel* channel, const ChannelMessage& message);
  // Whether the excepted socket is one of these clients.
  bool IsExcepted(const ChannelMessage& message,
                  const LoopChannel& channel) const;
  // The answer to a ticket that was cancelled has come.
  void CancelledIsAnswered(int64_t ticket, int64_t bytes);
  // Answers a call when all sessions that leave now have left.
  void AnswerWhenAllHaveLeft(link::v1::CallResult result);

  // nullptr if there is none of that number.
  Session* Find(uint64_t number) const;
  // nullptr if there is none of that id, or it is closing.
  Session* FindOpen(absl::string_view socket_id) const;
  std::vector<Session*> SessionsOf(absl::string_view user_id);

  LoopParts loop_;
  int64_t visits_ = 0;  // By the delivery under way.
  HeaderPool headers_;
  Sessions sessions_;
  Departures departures_{&loop_, &sessions_};
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SESSION_SHARD_H_
