// SPDX-License-Identifier: Apache-2.0
//
// One browser's side of the protocol (proto/WEBSOCKET.md): what it may do, what
// it has, and whether it is alive.
//
// Threads: its shard's loop.
//
// Invariant: at most kPendingSubscribesMax subscribes wait for an answer; then
// the socket is not read until one is answered. One that the client has taken
// back counts until the service has answered it, for so long it keeps the
// authorizer busy. Nor is a socket read while a repeated subscribe waits for
// its answer, which may be large, or beyond its rates (client_flow.h).

#ifndef HERALD_GATEWAY_LOOP_SESSION_H_
#define HERALD_GATEWAY_LOOP_SESSION_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/loop/client_flow.h"
#include "gateway/loop/connection_facts.h"
#include "gateway/loop/socket.h"
#include "gateway/loop/subscription_list.h"
#include "gateway/loop/subscription_table.h"
#include "gateway/loop/timer_wheel.h"
#include "gateway/loop/write_queue.h"
#include "gateway/protocol/dialect.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/delivery.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

class Shard;

class Session final : public Timer {
 public:
  Session(Shard* shard, Socket* socket, uint64_t number, ConnectionFacts facts);
  ~Session() override = default;

  std::string socket_id() const;
  absl::string_view remote_address() const { return facts_.remote_address(); }

  // Hands the event to the observer, with the socket's id, if it is wanted.
  void Trace(SocketEvent event) const;

 private:
  friend class Shard;

  // From the client.
  void OnMessage(absl::string_view text);
  void OnControlFrame();
  void On(SubscribeMessage& message);
  void On(UnsubscribeMessage& message);
  void On(WhisperMessage& message);
  void On(PingMessage& message);
  void On(BadMessage& message);

  // From the service, by way of the shard.
  void OnConfirmed(Subscription* subscription, Confirmed& confirmed);
  void OnRefused(Subscription* subscription, const Refused& refused);
  // A subscribe that was taken back is answered; so many bytes of the link
  // were for that answer.
  void OnCancelled(int64_t bytes);
  void OnSubscribedAgain(const SubscribedAgain& again);
  void OnCongested(int64_t bytes);
  void OnWhisperBack(int64_t bytes);
  void SubscribeByCall(const link::v1::Call& call);
  void UnsubscribeByCall(const link::v1::Call& call);

  // Heartbeat and timeout.
  void OnTimer() override;
  void SetTimer();

  Subscription* Find(absl::string_view channel);
  // Whether there may be one more subscription.
  absl::Status CheckRoom() const;
  // Asks for `subscribed` once more. REQUIRES: it is active.
  void Repeat(const Subscription& subscription,
              const std::optional<v1::Position>& recover);
  // Begins a subscription: asks the service. `asked` is which subscribes of the
  // client wait for the answer; an error is what those must be told.
  absl::Status Ask(SubscribeMessage message, Asked asked,
                   const link::v1::Call* call = nullptr);
  // Answers the first of them.
  void Answer(const Confirmed& confirmed);
  void RefuseSubscribe(absl::string_view channel, absl::string_view error,
                       link::v1::Refused::Code code);
  void RefuseSubscribe(absl::string_view channel, const absl::Status& why);
  // Removes it from the session. It is destroyed.
  void Drop(Subscription* subscription);
  // Tells the service and drops it.
  void End(Subscription* subscription);
  // What the service is told of its end.
  link::v1::GatewayItem EndOf(const Subscription& subscription) const;
  // The service was told: drops it.
  void OnEnded(Subscription* subscription);
  // The question about a subscription as the service takes it.
  link::v1::Subscribe QuestionOf(const Subscription& subscription,
                                 const Grant& grant) const;
  void Error(const ErrorMessage& error);
  void UpdateReading();

  // Constant after construction.
  Shard* const shard_;
  const uint64_t number_;  // The second part of its id.
  const ConnectionFacts facts_;

  Socket* socket_;  // nullptr when the connection is gone.
  absl::Time last_alive_;
  WriteQueue::Place write_place_;
  bool pinged_ = false;   // Since last_alive_.
  bool closing_ = false;  // Told to close; says and hears nothing any more.
  bool leaving_ = false;  // In Shard::leavers_.
  bool paused_ = false;
  bool slowed_ = false;   // Paused by more than a repeated subscribe,
  bool limited_ = false;  // and by a rate.
  ClientFlow flow_;
  contract::CloseReason close_reason_ = contract::CloseReason::kNormal;
  int32_t pending_ = 0;      // Subscribes without an answer.
  int32_t repeats_ = 0;      // Repeated ones without an answer.
  uint32_t revocation_ = 0;  // The last one of it (Shard::revoked_).
  SubscriptionList subscriptions_;
};

// An entry in the queue of ends (shard_leaving.cc): a session, an answer that
// waits for the entries before it, or the next Revoked.
struct Leaver {
  Session* session = nullptr;
  link::v1::CallResult result;     // If there is no session.
  std::optional<std::string> bye;  // Its socket is to be closed with that.
  bool is_revoked = false;         // Then the rest is empty.
};

// Subscriptions that end for one reason, by their tickets. Those that have
// ended in another way meanwhile are not known any more.
struct Revoked {
  std::string reason;
  std::deque<int64_t> tickets;
};

// A subscription whose turn has come; without a reason, its session ends.
struct Ending {
  Subscription* subscription = nullptr;
  const std::string* reason = nullptr;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_SESSION_H_
