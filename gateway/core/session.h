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
// authorizer busy.

#ifndef HERALD_GATEWAY_CORE_SESSION_H_
#define HERALD_GATEWAY_CORE_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/core/connection_facts.h"
#include "gateway/core/delivery.h"
#include "gateway/core/dialect.h"
#include "gateway/core/socket.h"
#include "gateway/core/subscription_table.h"
#include "gateway/core/timer_wheel.h"
#include "gateway/core/write_queue.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

class Shard;

class Session final : public Timer {
 public:
  Session(Shard* shard, Socket* socket, uint64_t number, ConnectionFacts facts);
  ~Session() override = default;

  std::string socket_id() const;

 private:
  friend class Shard;

  // From the client.
  void OnMessage(absl::string_view text);
  void On(SubscribeMessage& message);
  void On(UnsubscribeMessage& message);
  void On(WhisperMessage& message);
  void On(PingMessage& message);

  // From the service, by way of the shard.
  void OnConfirmed(Subscription* subscription, Confirmed& confirmed);
  void OnRefused(Subscription* subscription, const Refused& refused);
  // A subscribe that was taken back is answered.
  void OnCancelled();
  void SubscribeByCall(const link::v1::Call& call);
  void UnsubscribeByCall(const link::v1::Call& call);

  // Heartbeat and timeout.
  void OnTimer() override;
  void SetTimer();

  Subscription* Find(absl::string_view channel);
  // Whether there may be one more subscription.
  absl::Status CheckRoom() const;
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
  // The question about a subscription as the service takes it.
  link::v1::Subscribe QuestionOf(const Subscription& subscription,
                                 const Grant& grant) const;
  void Error(absl::string_view message);
  void UpdateReading();

  // Constant after construction.
  Shard* const shard_;
  Socket* const socket_;
  const uint64_t number_;  // The second part of its id.
  const ConnectionFacts facts_;

  absl::Time last_alive_;
  bool pinged_ = false;  // Since last_alive_.
  WriteQueue::Place write_place_;
  bool closing_ = false;  // Told to close; says and hears nothing any more.
  bool paused_ = false;
  contract::CloseReason close_reason_ = contract::CloseReason::kNormal;
  int32_t pending_ = 0;  // Subscribes without an answer.
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CORE_SESSION_H_
