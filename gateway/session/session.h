// SPDX-License-Identifier: Apache-2.0
//
// One client, in its dialect: its requests, its subscriptions, its heartbeat
// and its end.
//
// Threads: its shard's loop.
//
// Invariant: a session is destroyed when its connection is gone, and its last
// subscription has ended (is_over()). So subscriptions never point to a session
// that does not exist.
//
// Invariant: a session that ends has a place in the LeaveQueue, or no
// subscription left.

#ifndef HERALD_GATEWAY_SESSION_SESSION_H_
#define HERALD_GATEWAY_SESSION_SESSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/channels/delivery.h"
#include "gateway/loop/client_state.h"
#include "gateway/loop/loop_parts.h"
#include "gateway/loop/timer_wheel.h"
#include "gateway/protocol/dialect.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/call_results.h"
#include "gateway/session/client_user.h"
#include "gateway/session/credentials.h"
#include "gateway/socket/connection_facts.h"
#include "gateway/socket/socket.h"
#include "gateway/subscriptions/subscription_list.h"
#include "proto/contract/channel_key.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

class Session final : public Timer {
 public:
  // The pointers outlive the session; the socket, until OnConnectionGone().
  Session(LoopParts* loop, Socket* socket, const Dialect* dialect,
          absl::string_view app, uint64_t number, ConnectionFacts facts);
  ~Session() override = default;

  uint64_t number() const { return client_.number; }
  std::string socket_id() const { return loop_->state.SocketId(number()); }
  absl::string_view remote_address() const {
    return client_.facts.remote_address();
  }
  const Dialect& dialect() const { return *client_.dialect; }
  absl::string_view app() const { return client_.app(); }
  const SubscriptionList& subscriptions() const { return subscriptions_; }
  // nullptr if the client has not signed in.
  const v1::Member* user() const {
    return user_ == nullptr ? nullptr : user_->user();
  }
  bool is_closing() const { return client_.closing; }
  // Whether it may be destroyed.
  bool is_over() const { return client_.socket() == nullptr && !leaving_; }

  // Hands the event to the observer, with the socket's id, if it is wanted. Its
  // channel is a name of the app.
  void Trace(SocketEvent event) const;

  // From the client. REQUIRES, for messages and frames: it is not closing.
  void OnSignOfLife() {
    last_alive_ = loop_->state.wheel.now();
    pinged_ = false;
  }
  void OnMessage(absl::string_view text);
  // Control frames, or fragments that end no message.
  void OnFrames(int64_t count);
  void OnConnectionGone();

  // From the service, by way of the shard.
  void OnConfirmed(Subscription* subscription, Confirmed& confirmed);
  void OnRefused(Subscription* subscription, const Refused& refused);
  // A subscribe that the client has taken back is answered, with `bytes` of the
  // link.
  void OnCancelled(int64_t bytes);
  void OnSubscribedAgain(const SubscribedAgain& again);
  void OnSocketAnswered(SocketAnswered& answer);
  void OnCongested(int64_t bytes);
  void OnWhisperBack(int64_t bytes);
  // `channel` is the name that the call's key has in the session's app.
  void SubscribeByCall(absl::string_view channel, const link::v1::Call& call);
  void UnsubscribeByCall(absl::string_view channel, const link::v1::Call& call);
  // Ends the subscription of `channel`; without it, all that need an
  // authorization.
  void Revoke(std::optional<contract::ChannelKeyView> channel,
              absl::string_view reason);

  // From the loop.
  // With a refusal, the client gets that and nothing else.
  void Start(const Goodbye* refusal);
  void OnNewSettings();
  void UpdateReading();
  void OnTimer() override;

  // Closes the socket. The subscriptions end in this turn or in later ones.
  void Close(contract::CloseReason why, absl::string_view text,
             std::optional<absl::Duration> delay = std::nullopt);
  // As Close(), behind the sessions that leave already. REQUIRES: it has a
  // subscription.
  void CloseInTurn(contract::CloseReason why, absl::string_view text);

  // Ends a subscription, if it is active, and notifies the client: it gets
  // nothing that is delivered from now on. The rest happens in a turn, or when
  // its channel is used before.
  void EndInTurn(Subscription* subscription, absl::string_view reason);
  // The service was notified of the end. Notifies the client, if there is a
  // reason.
  void OnEnded(Subscription* subscription, const std::string* reason);
  // The session has left the queue and has no subscription. With a `goodbye`,
  // closes its socket, if there is one. Returns whether it did.
  bool OnLeft(const std::optional<std::string>& goodbye);

 private:
  void On(SubscribeMessage& message);
  void On(UnsubscribeMessage& message);
  void On(WhisperMessage& message);
  void On(SignInMessage& message);
  void On(PingMessage& message);
  void On(BadMessage& message);

  template <typename Message>
  void Send(const Message& message) {
    loop_->writer.Send(&client_, message);
  }
  void Error(const ErrorMessage& error);
  void RefuseSubscribe(absl::string_view channel, absl::string_view error,
                       link::v1::Refused::Code code);
  void RefuseSubscribe(absl::string_view channel, const absl::Status& why) {
    RefuseSubscribe(channel, why.message(), RefusalCode(why));
  }

  contract::ChannelKeyView KeyOf(absl::string_view channel) const {
    return {app(), channel};
  }
  // nullptr if there is no subscription to the channel.
  Subscription* Find(contract::ChannelKeyView channel) const {
    const LoopChannel* const known =
        loop_->subscriptions.table().Find(client_.dialect, channel);
    return known == nullptr ? nullptr : subscriptions_.Find(known);
  }
  // The same, but ends one that is revoked: before anything else happens to its
  // channel. Returns a revoked one if too much waits for the link.
  Subscription* FindInUse(absl::string_view channel);
  // Whether `message` may be asked. REQUIRES: its channel has no subscription.
  absl::Status CheckNew(const SubscribeMessage& message) const;
  // Asks for `subscribed` once more. REQUIRES: it is active.
  void Repeat(const Subscription& subscription,
              const std::optional<v1::Position>& recover);
  // Begins a subscription: asks the service. `asked` are the subscribes of the
  // client that wait for the answer; an error is the answer to those.
  absl::Status Ask(SubscribeMessage message, Asked asked,
                   const link::v1::Call* call = nullptr);
  void Answer(const link::v1::Call& call, const absl::Status& status) {
    loop_->state.router->CallDone(CallResultOf(call.call_id(), status));
  }
  // Notifies the service, and drops the subscription. If too much waits for the
  // link, it is only muted, and dropped in a turn.
  void End(Subscription* subscription);
  // Removes the subscription, which is destroyed.
  void Drop(Subscription* subscription);

  // Begins to close: sends the last events, and nothing more.
  void BeginToClose(contract::CloseReason why);
  void BeginToLeave(std::optional<std::string> goodbye);
  void SetTimer();

  LoopParts* const loop_;
  ClientState client_;
  absl::Time last_alive_;
  bool pinged_ = false;   // Since last_alive_.
  bool leaving_ = false;  // In the LeaveQueue.
  contract::CloseReason close_reason_ = contract::CloseReason::kNormal;
  uint32_t revocation_ = 0;           // The last one of it (LeaveQueue).
  int32_t ends_waiting_ = 0;          // Of channels that the client has left.
  std::unique_ptr<ClientUser> user_;  // nullptr before the first sign-in.
  SubscriptionList subscriptions_;
};

// By the number of its socket.
using Sessions = absl::flat_hash_map<uint64_t, std::unique_ptr<Session>>;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SESSION_SESSION_H_
