// SPDX-License-Identifier: Apache-2.0

#include "gateway/session/session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "gateway/session/whisper_check.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"

namespace herald::gateway {

using contract::CloseReason;
using RefusedCode = link::v1::Refused;

Session::Session(LoopParts* loop, Socket* socket, const Dialect* dialect,
                 absl::string_view app, uint64_t number, ConnectionFacts facts)
    : loop_(loop),
      client_(this, socket, dialect, number, std::move(facts), app),
      last_alive_(loop->state.wheel.now()) {}

void Session::Start(const Goodbye* refusal) {
  OnNewSettings();
  if (refusal != nullptr) {
    BeginToClose(CloseReason::kRefused);
    return client_.socket()->Close(CloseReason::kRefused, *refusal);
  }
  Send(ConnectedMessage{socket_id()});
}

void Session::OnNewSettings() {
  client_.socket()->SetMessageBytesMax(loop_->state.message_bytes_max());
  SetTimer();
}

void Session::Trace(SocketEvent event) const {
  if (!loop_->state.observer->traces_sockets()) return;
  event.socket_id = socket_id();
  std::string space;
  event.channel = contract::CutUtf8(event.channel, kEchoedNameBytesMax);
  if (!event.channel.empty()) {
    event.channel = KeyOf(event.channel).TextIn(&space);
  }
  loop_->state.observer->OnSocketEvent(event);
}

void Session::OnMessage(absl::string_view text) {
  LoopState& state = loop_->state;
  const bool pauses = client_.flow.OnMessage(state.options.rates, state.now);
  // A message beyond the rate is handled, too. Reading pauses behind it, and
  // TCP holds the client back.
  ClientMessage message = dialect().Decode(text);
  std::visit([this](auto& one) { On(one); }, message);
  if (pauses) UpdateReading();
}

// To answer a ping, or to read a frame, costs as much as for a message.
void Session::OnFrames(int64_t count) {
  const bool pauses = client_.flow.OnFrames(loop_->state.options.rates, count,
                                            loop_->state.now);
  if (pauses) UpdateReading();
}

void Session::OnConnectionGone() {
  client_.closing = true;
  loop_->writer.Remove(&client_);
  client_.write_entry.socket = nullptr;
  Cancel();
  loop_->pauses.Forget(number());
  loop_->state.observer->OnClosed(close_reason_);
  BeginToLeave({});
}

void Session::On(BadMessage& message) {
  loop_->state.observer->OnBadMessage();
  if (!message.is_subscribe || !message.channel.has_value()) {
    return Error({ErrorCode::kInvalidMessage, std::move(message.reason),
                  std::move(message.channel)});
  }
  // As with every subscribe, the client waits for an answer with the channel.
  const absl::Status name = contract::CheckChannelName(*message.channel);
  RefuseSubscribe(*message.channel, name.ok() ? message.reason : name.message(),
                  name.ok() ? RefusedCode::CODE_INVALID_MESSAGE
                            : RefusedCode::CODE_INVALID_CHANNEL);
}

void Session::Error(const ErrorMessage& error) {
  Trace({.what = "message refused",
         .channel = error.channel.has_value() ? *error.channel : "",
         .why = ErrorName(error.code)});
  Send(error);
}

Subscription* Session::FindInUse(absl::string_view channel) {
  Subscription* const found = Find(KeyOf(channel));
  if (found == nullptr || !found->revoked) return found;
  const std::string reason =
      found->notified ? "" : loop_->leaving.ReasonOf(revocation_);
  if (!loop_->subscriptions.End(*found)) return found;
  OnEnded(found, &reason);
  return nullptr;
}

void Session::On(SubscribeMessage& message) {
  const absl::Status name = contract::CheckChannelName(message.channel);
  if (!name.ok()) {
    return RefuseSubscribe(message.channel, name.message(),
                           RefusedCode::CODE_INVALID_CHANNEL);
  }
  Subscription* const known = FindInUse(message.channel);
  if (known == nullptr || known->revoked) {
    const std::string channel = message.channel;
    absl::Status asked = known == nullptr ? CheckNew(message) : CannotBeAsked();
    Asked recover = {std::move(message.recover)};
    if (asked.ok()) asked = Ask(std::move(message), std::move(recover));
    if (!asked.ok()) RefuseSubscribe(channel, asked);
    return;
  }
  if (known->active) return Repeat(*known, message.recover);
  known->asked.push_back(std::move(message.recover));
  ++client_.pending;
  UpdateReading();
}

void Session::Repeat(const Subscription& subscription,
                     const std::optional<v1::Position>& recover) {
  if (!loop_->state.router->Repeat(loop_->state.options.index,
                                   subscription.channel->key, number(),
                                   subscription.ticket, recover)) {
    return;
  }
  ++client_.repeats;
  UpdateReading();
}

void Session::OnSubscribedAgain(const SubscribedAgain& again) {
  Subscription* const subscription =
      loop_->subscriptions.tickets().Find(again.ticket);
  if (subscription != nullptr && !subscription->revoked) {
    // Events that were delivered before this answer may wait in the backlog.
    loop_->bulk.CatchUp(subscription);
    Send(again.subscribed);
  }
  // Paid for even if the client has left the channel meanwhile.
  --client_.repeats;
  client_.flow.OnAnswer(loop_->state.options.rates,
                        kRepeatedAnswerWeight * again.subscribed->bytes(),
                        loop_->state.now);
  UpdateReading();
}

absl::Status Session::CheckNew(const SubscribeMessage& message) const {
  const auto count = static_cast<int64_t>(subscriptions_.size());
  const int64_t count_max = loop_->state.options.subscriptions_max;
  if (count >= count_max && ends_waiting_ > 0) return CannotBeAsked();
  return CheckSubscribe(message, count, count_max, client_.credential_bytes);
}

absl::Status Session::Ask(SubscribeMessage message, Asked asked,
                          const link::v1::Call* call) {
  const size_t answers = asked.size();
  std::unique_ptr<Subscription> subscription = loop_->subscriptions.Begin(
      &client_, std::move(message), std::move(asked), call);
  if (subscription == nullptr) {
    return CannotBeAsked();
  }
  client_.pending += static_cast<int32_t>(answers);
  subscriptions_.Add(std::move(subscription));
  UpdateReading();
  return absl::OkStatus();
}

void Session::RefuseSubscribe(absl::string_view channel,
                              absl::string_view error, RefusedCode::Code code) {
  const absl::string_view name = RefusalName(code);
  loop_->state.observer->OnSubscribeRefused(name);
  Trace({.what = "subscribe refused", .channel = channel, .why = name});
  Send(
      SubscriptionErrorMessage{std::string(channel), std::string(error), code});
}

void Session::OnConfirmed(Subscription* subscription, Confirmed& confirmed) {
  loop_->subscriptions.Confirm(subscription, confirmed);
  const Asked asked = std::exchange(subscription->asked, {});
  client_.pending -= static_cast<int32_t>(asked.size());
  Trace({.what = "subscribed", .channel = subscription->channel->name()});
  // A backend's Subscribe is answered to the client as well, and the first
  // answer is to that if the client asked later.
  loop_->writer.SendAnswer(&client_, confirmed);
  UpdateReading();
  for (size_t i = subscription->by_call ? 0 : 1; i < asked.size(); ++i) {
    Repeat(*subscription, asked[i]);
  }
}

void Session::OnRefused(Subscription* subscription,
                        const gateway::Refused& refused) {
  const std::string channel(subscription->channel->name());
  const size_t answers = subscription->asked.size();
  Drop(subscription);
  for (size_t i = 0; i < answers; ++i) {
    RefuseSubscribe(channel, refused.reason, refused.code);
  }
}

void Session::OnCancelled(int64_t bytes) {
  --client_.pending;
  client_.flow.OnAnswer(loop_->state.options.rates, bytes, loop_->state.now);
  UpdateReading();
}

void Session::On(UnsubscribeMessage& message) {
  const absl::Status name = contract::CheckChannelName(message.channel);
  if (!name.ok()) {
    return Error({ErrorCode::kInvalidChannel, std::string(name.message()),
                  message.channel});
  }
  Subscription* const subscription = FindInUse(message.channel);
  // Before the answer, which no event of the channel may follow
  // (ASession.ReceivesNothingOfAChannelAfterUnsubscribed).
  if (subscription != nullptr) End(subscription);
  // Without a subscription there is nothing to end, and that is no error.
  Send(UnsubscribedMessage{message.channel, ""});
}

void Session::On(WhisperMessage& message) {
  // Before the rates: a whisper that breaks a rule takes no tokens
  // (ALimitedSession.LosesNoTokensToWhispersThatBreakARule).
  if (const auto fault =
          CheckWhisper(message, app(), *loop_->state.settings.rules)) {
    return Error(*fault);
  }
  const auto refuse = [&](ErrorCode code, absl::string_view why) {
    Error(WhisperError(code, message.channel, why));
  };
  const Subscription* const subscription = FindInUse(message.channel);
  if (subscription == nullptr || !subscription->active ||
      subscription->revoked) {
    return refuse(ErrorCode::kNotSubscribed, "the socket is not subscribed");
  }
  const auto bytes = static_cast<int64_t>(message.data.size());
  const absl::Status rate = client_.flow.TakeWhisper(loop_->state.options.rates,
                                                     bytes, loop_->state.now);
  if (!rate.ok()) {
    loop_->state.observer->OnRateLimited(RateLimit::kWhispers);
    return refuse(ErrorCode::kRateLimited, rate.message());
  }
  link::v1::Whisper whisper;
  whisper.set_channel(subscription->channel->key.text());
  whisper.set_event(std::move(message.event));
  whisper.set_data(std::move(message.data));
  whisper.set_socket_id(socket_id());
  if (subscription->is_member) whisper.set_user_id(subscription->user_id);
  const absl::Status passed_on =
      loop_->state.router->Whisper(std::move(whisper), client_.facts.source());
  if (!passed_on.ok()) {
    loop_->state.observer->OnWhisperRefused();
    return refuse(ErrorCode::kUnavailable, passed_on.message());
  }
  loop_->state.observer->OnWhisper();
  Trace({.what = "whisper published",
         .channel = message.channel,
         .bytes = bytes});
  if (client_.flow.OnWhisperSent(bytes, loop_->state.now)) UpdateReading();
}

void Session::OnWhisperBack(int64_t bytes) {
  client_.flow.OnWhisperBack(bytes);
  if (client_.paused) UpdateReading();
}

void Session::OnCongested(int64_t bytes) {
  client_.flow.OnCongestion(bytes, loop_->state.now);
  UpdateReading();
}

void Session::On(SignInMessage& message) {
  if (user_ == nullptr) user_ = std::make_unique<ClientUser>();
  const std::optional<ServerMessage> refusal =
      user_->SignIn(std::move(message), client_, &loop_->state);
  if (refusal.has_value()) return Send(*refusal);
  // It counts as a subscribe without an answer, so these are bounded, too.
  ++client_.pending;
  UpdateReading();
}

void Session::OnSocketAnswered(SocketAnswered& answer) {
  if (user_ == nullptr) return;
  const std::optional<ServerMessage> message = user_->OnAnswer(answer);
  if (!message.has_value()) return;
  --client_.pending;
  if (!client_.closing) Send(*message);
  UpdateReading();
}

void Session::On(PingMessage& /*message*/) { Send(PongMessage()); }

void Session::SubscribeByCall(absl::string_view channel,
                              const link::v1::Call& call) {
  const link::v1::SubscribeCall& wish = call.subscribe();
  Subscription* const known = FindInUse(channel);
  if (known != nullptr && known->is_confirmed()) {
    return Answer(call, known->revoked ? CannotBeAsked() : absl::OkStatus());
  }
  SubscribeMessage message{std::string(channel), wish.auth_token(), "", {}};
  absl::Status asked =
      known == nullptr ? CheckNew(message) : CheckCredentials(message);
  if (!asked.ok()) return Answer(call, asked);
  Asked own;
  if (known != nullptr) {
    // Ask anew, and let the client's own subscribe have the same answer. The
    // backend's word is the better one, if it names the user.
    own = known->asked;
    if (!wish.has_member() && wish.auth_token().empty() &&
        known->grant != nullptr) {
      message.auth = known->grant->auth;
      message.channel_data = known->grant->channel_data;
    }
    End(known);
  }
  const size_t answers = own.size();
  asked = Ask(std::move(message), std::move(own), &call);
  if (asked.ok()) return;
  Answer(call, asked);
  for (size_t i = 0; i < answers; ++i) RefuseSubscribe(channel, asked);
}

void Session::UnsubscribeByCall(absl::string_view channel,
                                const link::v1::Call& call) {
  Subscription* const subscription = FindInUse(channel);
  if (subscription != nullptr) {
    End(subscription);
    Send(UnsubscribedMessage{std::string(channel),
                             "unsubscribed by the backend"});
    // Behind the end, which the backend may count on.
    if (ends_waiting_ > 0) {
      return loop_->leaving.Add(CallResultOf(call.call_id(), absl::OkStatus()));
    }
  }
  Answer(call, absl::OkStatus());
}

void Session::Revoke(std::optional<contract::ChannelKeyView> channel,
                     absl::string_view reason) {
  if (reason.empty()) reason = "revoked";
  if (channel.has_value()) {
    if (Subscription* const one = Find(*channel)) EndInTurn(one, reason);
    return;
  }
  for (size_t i = 0; i < subscriptions_.size(); ++i) {
    Subscription* const one = subscriptions_.at(i);
    if (contract::NeedsAuthorization(one->channel->name())) {
      EndInTurn(one, reason);
    }
  }
}

void Session::EndInTurn(Subscription* subscription, absl::string_view reason) {
  if (!subscription->active || subscription->revoked) return;
  if (client_.closing) return;  // It gets nothing any more, and ends anyway.
  // Only marked, because a user may have thousands of them (departures.cc).
  loop_->subscriptions.table().Revoke(subscription);
  const uint32_t number =
      loop_->leaving.AddRevoked(subscription->ticket, reason);
  if (!subscription->notified) revocation_ = number;
  loop_->state.RequestFlush();
}

void Session::End(Subscription* subscription) {
  if (loop_->subscriptions.End(*subscription)) {
    return OnEnded(subscription, nullptr);
  }
  // Only the service's part waits, in the queue of ends. The client's answer
  // follows all events.
  if (!subscription->notified) ++ends_waiting_;
  subscription->notified = true;
  EndInTurn(subscription, "");
  loop_->subscriptions.Mute(subscription);
}

void Session::OnEnded(Subscription* subscription, const std::string* reason) {
  UnsubscribedMessage notice;
  if (subscription->notified) {
    --ends_waiting_;
    reason = nullptr;
  }
  if (reason != nullptr) {
    notice = {std::string(subscription->channel->name()), *reason};
  }
  if (!subscription->is_confirmed()) {
    // A cancelled ticket counts until its answer arrives (reading_pauses.h).
    ++client_.pending;
    loop_->subscriptions.tickets().Cancel(subscription->ticket, number());
  }
  Drop(subscription);
  // Behind the events that Drop() takes from the backlog.
  if (reason != nullptr) Send(notice);
}

void Session::Drop(Subscription* subscription) {
  if (subscription->is_confirmed() && !client_.closing) {
    Trace({.what = "unsubscribed", .channel = subscription->channel->name()});
  }
  client_.pending -= static_cast<int32_t>(subscription->asked.size());
  const std::unique_ptr<Subscription> taken = subscriptions_.Take(subscription);
  loop_->subscriptions.Forget(taken.get());
  UpdateReading();
}

void Session::Close(CloseReason why, absl::string_view text,
                    std::optional<absl::Duration> delay) {
  if (client_.socket() == nullptr) return;  // It has closed by itself.
  if (close_reason_ != CloseReason::kNormal) return;
  BeginToClose(why);
  BeginToLeave({});
  client_.socket()->Close(why, dialect().MakeGoodbye(why, text, delay));
}

void Session::CloseInTurn(CloseReason why, absl::string_view text) {
  if (client_.closing || leaving_) return Close(why, text);
  BeginToClose(why);
  BeginToLeave(std::string(text));
}

void Session::BeginToClose(CloseReason why) {
  // First, because nothing is sent to a client that closes
  // (ALargeChannel.DeliversEverythingBeforeItsSocketsClose).
  loop_->bulk.CatchUp(subscriptions_);
  client_.closing = true;
  close_reason_ = why;
}

void Session::BeginToLeave(std::optional<std::string> goodbye) {
  if (leaving_ || subscriptions_.empty()) return;
  leaving_ = true;
  loop_->leaving.Add(this, std::move(goodbye));
  loop_->state.RequestFlush();
}

bool Session::OnLeft(const std::optional<std::string>& goodbye) {
  leaving_ = false;
  if (!goodbye.has_value() || client_.socket() == nullptr) return false;
  client_.socket()->Close(
      close_reason_,
      dialect().MakeGoodbye(close_reason_, *goodbye, std::nullopt));
  return true;
}

void Session::UpdateReading() {
  if (client_.closing || !loop_->pauses.Update(&client_)) return;
  // It could show no sign of life while it was not read, so its silence begins
  // anew (ASession.IsNotTakenForDeadWhileItIsNotRead).
  OnSignOfLife();
  client_.socket()->ResumeReading();
}

void Session::SetTimer() {
  const link::v1::Settings& settings = *loop_->state.settings.settings;
  const int64_t wait_ms = pinged_ ? settings.client_timeout_ms()
                                  : std::min(settings.heartbeat_interval_ms(),
                                             settings.client_timeout_ms());
  // Also in time for a write that blocks now, or from now on.
  const absl::Time blocked =
      std::min(client_.socket()->BlockedSince(), loop_->state.wheel.now());
  loop_->state.wheel.Set(
      this, std::min(last_alive_ + absl::Milliseconds(wait_ms),
                     blocked + loop_->state.options.write_timeout));
}

void Session::OnTimer() {
  // Signs of life only note the time, so the timer often comes for nothing.
  const link::v1::Settings& settings = *loop_->state.settings.settings;
  if (client_.closing) return;
  const absl::Time now = loop_->state.wheel.now();
  // Before the silence: a pong does not show that the client reads its messages
  // (ABlockedSocket.IsCutAsSlowInSpiteOfItsSignsOfLife).
  if (now - client_.socket()->BlockedSince() >=
      loop_->state.options.write_timeout) {
    return Close(CloseReason::kSlow, "");
  }
  // While reading is paused, signs of life cannot be seen.
  if (client_.paused) OnSignOfLife();
  const absl::Duration silence = now - last_alive_;
  if (silence >= absl::Milliseconds(settings.client_timeout_ms())) {
    return Close(CloseReason::kNoHeartbeat, "");
  }
  if (!pinged_ &&
      silence >= absl::Milliseconds(settings.heartbeat_interval_ms())) {
    pinged_ = true;
    client_.socket()->Ping();
  }
  SetTimer();
}

}  // namespace herald::gateway
