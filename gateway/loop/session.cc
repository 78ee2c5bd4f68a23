// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/loop/shard.h"
#include "gateway/loop/whisper_check.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using RefusedCode = link::v1::Refused;

link::v1::CallResult ResultOf(const link::v1::Call& call,
                              const absl::Status& status) {
  link::v1::CallResult result;
  result.set_call_id(call.call_id());
  result.set_code(static_cast<int>(status.code()));
  result.set_message(std::string(status.message()));
  return result;
}

absl::Status CheckCredentials(const SubscribeMessage& message) {
  const auto auth_bytes = static_cast<int64_t>(message.auth.size());
  const auto data_bytes = static_cast<int64_t>(message.channel_data.size());
  if (auth_bytes > contract::kAuthTokenBytesMax ||
      data_bytes > contract::kChannelDataBytesMax) {
    return absl::PermissionDeniedError(absl::StrCat(
        "auth may have ", contract::kAuthTokenBytesMax,
        " bytes and channel_data ", contract::kChannelDataBytesMax));
  }
  return absl::OkStatus();
}

}  // namespace

Session::Session(Shard* shard, Socket* socket, uint64_t number,
                 ConnectionFacts facts)
    : shard_(shard),
      number_(number),
      facts_(std::move(facts)),
      socket_(socket),
      last_alive_(shard->wheel_.now()),
      write_place_{.socket = socket} {}

std::string Session::socket_id() const {
  return contract::FormatSocketId({shard_->router_->gateway_id(), number_});
}

void Session::Trace(SocketEvent event) const {
  if (!shard_->observer_->traces_sockets()) return;
  event.socket_id = socket_id();
  event.channel = contract::CutUtf8(event.channel, kEchoedNameBytesMax);
  shard_->observer_->OnSocketEvent(event);
}

void Session::OnMessage(absl::string_view text) {
  const bool pauses = flow_.OnMessage(shard_->options_.rates, shard_->now_);
  ClientMessage message = shard_->dialect_->Decode(text);
  std::visit([this](auto& one) { On(one); }, message);
  if (pauses) UpdateReading();
}

// An answer to a ping costs as much as one to a message.
void Session::OnControlFrame() {
  if (flow_.OnMessage(shard_->options_.rates, shard_->now_)) UpdateReading();
}

void Session::On(BadMessage& message) {
  shard_->observer_->OnBadMessage();
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
  shard_->Send(this, error);
}

Subscription* Session::Find(absl::string_view channel) {
  const Channel* const known = shard_->table_.Find(channel);
  Subscription* const found =
      known == nullptr ? nullptr : subscriptions_.Find(known);
  if (found == nullptr || !found->revoked) return found;
  // It ends before anything else happens to the channel.
  shard_->EndNow(found);
  return nullptr;
}

void Session::On(SubscribeMessage& message) {
  const absl::Status name = contract::CheckChannelName(message.channel);
  if (!name.ok()) {
    return RefuseSubscribe(message.channel, name.message(),
                           RefusedCode::CODE_INVALID_CHANNEL);
  }
  Subscription* const known = Find(message.channel);
  if (known == nullptr) {
    const std::string channel = message.channel;
    absl::Status asked = CheckRoom();
    if (asked.ok()) asked = CheckCredentials(message);
    Asked recover = {std::move(message.recover)};
    if (asked.ok()) asked = Ask(std::move(message), std::move(recover));
    if (!asked.ok()) RefuseSubscribe(channel, asked);
    return;
  }
  if (known->active) return Repeat(*known, message.recover);
  known->asked.push_back(std::move(message.recover));
  ++pending_;
  UpdateReading();
}

void Session::Repeat(const Subscription& subscription,
                     const std::optional<v1::Position>& recover) {
  if (!shard_->router_->Repeat(shard_->options_.index,
                               subscription.channel->name, number_,
                               subscription.ticket, recover)) {
    return;
  }
  ++repeats_;
  UpdateReading();
}

void Session::OnSubscribedAgain(const SubscribedAgain& again) {
  --repeats_;
  flow_.OnAnswer(shard_->options_.rates,
                 kRepeatedAnswerWeight * again.subscribed->bytes(),
                 shard_->now_);
  UpdateReading();
}

absl::Status Session::CheckRoom() const {
  const int64_t limit = shard_->options_.subscriptions_max;
  if (static_cast<int64_t>(subscriptions_.size()) >= limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the socket has its ", limit,
                     " subscriptions (BROADCAST_MAX_SUBSCRIPTIONS)"));
  }
  return absl::OkStatus();
}

absl::Status Session::Ask(SubscribeMessage message, Asked asked,
                          const link::v1::Call* call) {
  auto subscription = std::make_unique<Subscription>();
  subscription->session = this;
  if (contract::NeedsAuthorization(message.channel)) {
    subscription->grant = std::make_unique<Grant>();
    subscription->grant->auth = std::move(message.auth);
    subscription->grant->channel_data = std::move(message.channel_data);
  }
  link::v1::Subscribe question;
  question.set_socket_id(socket_id());
  question.set_channel(message.channel);
  if (subscription->grant != nullptr) {
    question.set_auth_token(subscription->grant->auth);
    question.set_channel_data(subscription->grant->channel_data);
    question.set_connection(facts_.Serialize());
  }
  if (call != nullptr) {
    question.set_call_id(call->call_id());
    if (call->subscribe().has_member()) {
      *question.mutable_member() = call->subscribe().member();
    }
  }
  subscription->ticket =
      shard_->router_->Subscribe(shard_->options_.index, std::move(question),
                                 asked.empty() ? std::nullopt : asked.front());
  if (subscription->ticket == 0) {
    return absl::UnavailableError("the service cannot be asked now");
  }
  subscription->channel = shard_->table_.Obtain(message.channel);
  shard_->table_.AddPending(subscription.get());
  shard_->tickets_[subscription->ticket] = subscription.get();
  pending_ += static_cast<int32_t>(asked.size());
  subscription->by_call = asked.empty();
  subscription->asked = std::move(asked);
  subscriptions_.Add(std::move(subscription));
  UpdateReading();
  return absl::OkStatus();
}

void Session::RefuseSubscribe(absl::string_view channel,
                              absl::string_view error, RefusedCode::Code code) {
  const absl::string_view name = RefusalName(code);
  shard_->observer_->OnSubscribeRefused(name);
  Trace({.what = "subscribe refused", .channel = channel, .why = name});
  shard_->Send(this, SubscriptionErrorMessage{std::string(channel),
                                              std::string(error), code});
}

void Session::RefuseSubscribe(absl::string_view channel,
                              const absl::Status& why) {
  RefuseSubscribe(
      channel, why.message(),
      absl::IsResourceExhausted(why)  ? RefusedCode::CODE_TOO_MANY_CHANNELS
      : absl::IsPermissionDenied(why) ? RefusedCode::CODE_UNAUTHORIZED
                                      : RefusedCode::CODE_UNAVAILABLE);
}

void Session::OnConfirmed(Subscription* subscription, Confirmed& confirmed) {
  shard_->table_.Activate(subscription, std::move(confirmed.user_id));
  subscription->is_member = confirmed.is_member;
  const Asked asked = std::exchange(subscription->asked, {});
  pending_ -= static_cast<int32_t>(asked.size());
  shard_->observer_->OnSubscriptions(1);
  Trace({.what = "subscribed", .channel = subscription->channel->name});
  if (!confirmed.renewable) {
    // Nobody will be asked again, so what was presented is not needed.
    subscription->grant.reset();
    if (confirmed.expires_after != absl::InfiniteDuration()) {
      subscription->grant = std::make_unique<Grant>();
    }
  }
  if (subscription->grant != nullptr) {
    subscription->grant->renewable = confirmed.renewable;
    shard_->BeginGrant(subscription, confirmed.expires_after);
  }
  // A backend's Subscribe is told to the client as well, and the first answer
  // is to that if the client asked later.
  Answer(confirmed);
  UpdateReading();
  for (size_t i = subscription->by_call ? 0 : 1; i < asked.size(); ++i) {
    Repeat(*subscription, asked[i]);
  }
}

void Session::Answer(const Confirmed& confirmed) {
  const Dialect& dialect = *shard_->dialect_;
  bool recovers = confirmed.recovered != nullptr && !closing_;
  MissedMessages::Part missed;
  if (recovers && confirmed.missed != nullptr) {
    missed = confirmed.missed->For(dialect, confirmed.since, number_);
    // A socket is not cut for having been away: if the missed messages do not
    // fit, the client is notified that they are lost.
    recovers = missed.size() == 0 ||
               socket_->HasRoomFor(confirmed.recovered->For(dialect)->size() +
                                   missed.size());
  }
  if (confirmed.asked_to_recover) shard_->observer_->OnRecovery(recovers);
  shard_->Send(this, recovers ? confirmed.recovered : confirmed.subscribed);
  if (recovers && missed.size() > 0) {
    shard_->SendFrame(this, Frame(missed.frames, missed.from));
  }
  flow_.OnAnswer(shard_->options_.rates, confirmed.answer_bytes(),
                 shard_->now_);
}

void Session::OnRefused(Subscription* subscription,
                        const gateway::Refused& refused) {
  const std::string channel = subscription->channel->name;
  const size_t answers = subscription->asked.size();
  Drop(subscription);
  for (size_t i = 0; i < answers; ++i) {
    RefuseSubscribe(channel, refused.reason, refused.code);
  }
}

void Session::OnCancelled(int64_t bytes) {
  --pending_;
  flow_.OnAnswer(shard_->options_.rates, bytes, shard_->now_);
  UpdateReading();
}

void Session::On(UnsubscribeMessage& message) {
  const absl::Status name = contract::CheckChannelName(message.channel);
  if (!name.ok()) {
    return Error({ErrorCode::kInvalidChannel, std::string(name.message()),
                  message.channel});
  }
  Subscription* const subscription = Find(message.channel);
  if (subscription != nullptr) End(subscription);
  // Not subscribed is what was asked for, so that is no error.
  shard_->Send(this, UnsubscribedMessage{message.channel, ""});
}

void Session::On(WhisperMessage& message) {
  if (const auto fault = CheckWhisper(message, *shard_->rules_)) {
    return Error(*fault);
  }
  const auto refuse = [&](ErrorCode code, absl::string_view why) {
    Error(WhisperError(code, message.channel, why));
  };
  const Subscription* const subscription = Find(message.channel);
  if (subscription == nullptr || !subscription->active) {
    return refuse(ErrorCode::kNotSubscribed, "the socket is not subscribed");
  }
  const auto bytes = static_cast<int64_t>(message.data.size());
  const absl::Status rate =
      flow_.TakeWhisper(shard_->options_.rates, bytes, shard_->now_);
  if (!rate.ok()) {
    shard_->observer_->OnRateLimited(RateLimit::kWhispers);
    return refuse(ErrorCode::kRateLimited, rate.message());
  }
  link::v1::Whisper whisper;
  whisper.set_channel(message.channel);
  whisper.set_event(std::move(message.event));
  whisper.set_data(std::move(message.data));
  whisper.set_socket_id(socket_id());
  if (subscription->is_member) whisper.set_user_id(subscription->user_id);
  const absl::Status passed_on = shard_->router_->Whisper(std::move(whisper));
  if (!passed_on.ok()) {
    shard_->observer_->OnWhisperRefused();
    return refuse(ErrorCode::kUnavailable, passed_on.message());
  }
  shard_->observer_->OnWhisper();
  Trace({.what = "whisper published",
         .channel = message.channel,
         .bytes = bytes});
  if (flow_.OnWhisperSent(bytes, shard_->now_)) UpdateReading();
}

void Session::OnWhisperBack(int64_t bytes) {
  flow_.OnWhisperBack(bytes);
  if (paused_) UpdateReading();
}

void Session::OnCongested(int64_t bytes) {
  flow_.OnCongestion(bytes, shard_->now_);
  UpdateReading();
}

void Session::On(PingMessage& /*message*/) {
  shard_->Send(this, PongMessage());
}

void Session::SubscribeByCall(const link::v1::Call& call) {
  const link::v1::SubscribeCall& wish = call.subscribe();
  Subscription* const known = Find(wish.channel());
  if (known != nullptr && known->active) {
    return shard_->router_->CallDone(ResultOf(call, absl::OkStatus()));
  }
  SubscribeMessage message{wish.channel(), wish.auth_token(), "", {}};
  absl::Status asked = CheckCredentials(message);
  if (asked.ok() && known == nullptr) asked = CheckRoom();
  if (!asked.ok()) return shard_->router_->CallDone(ResultOf(call, asked));
  Asked own;
  if (known != nullptr) {
    // Ask anew, and let the client's own subscribe have the same answer. The
    // backend's word is the better one, if it says who the user is.
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
  shard_->router_->CallDone(ResultOf(call, asked));
  for (size_t i = 0; i < answers; ++i) RefuseSubscribe(wish.channel(), asked);
}

void Session::UnsubscribeByCall(const link::v1::Call& call) {
  const std::string& channel = call.unsubscribe().channel();
  Subscription* const subscription = Find(channel);
  if (subscription != nullptr) {
    End(subscription);
    shard_->Send(this,
                 UnsubscribedMessage{channel, "unsubscribed by the backend"});
  }
  shard_->router_->CallDone(ResultOf(call, absl::OkStatus()));
}

void Session::Drop(Subscription* subscription) {
  if (subscription->is_confirmed()) {
    shard_->observer_->OnSubscriptions(-1);
    if (!closing_) {
      Trace({.what = "unsubscribed", .channel = subscription->channel->name});
    }
  }
  pending_ -= static_cast<int32_t>(subscription->asked.size());
  const std::unique_ptr<Subscription> taken = subscriptions_.Take(subscription);
  shard_->Forget(taken.get());
  UpdateReading();
}

link::v1::GatewayItem Session::EndOf(const Subscription& subscription) const {
  link::v1::GatewayItem item;
  if (!subscription.is_confirmed()) {
    item.mutable_cancel()->set_ticket(subscription.ticket);
    return item;
  }
  link::v1::Unsubscribe& end = *item.mutable_unsubscribe();
  end.set_ticket(subscription.ticket);
  end.set_channel(subscription.channel->name);
  if (subscription.is_member) {
    end.set_socket_id(socket_id());
    end.set_user_id(subscription.user_id);
  }
  return item;
}

void Session::End(Subscription* subscription) {
  link::v1::GatewayItem end = EndOf(*subscription);
  if (subscription->is_confirmed()) {
    shard_->router_->Unsubscribe(shard_->options_.index,
                                 std::move(*end.mutable_unsubscribe()));
  } else {
    shard_->router_->Cancel(subscription->ticket, subscription->channel->name);
  }
  OnEnded(subscription);
}

void Session::OnEnded(Subscription* subscription) {
  if (!subscription->is_confirmed()) {
    ++pending_;
    shard_->cancelled_.emplace(subscription->ticket, number_);
  }
  Drop(subscription);
}

link::v1::Subscribe Session::QuestionOf(const Subscription& subscription,
                                        const Grant& grant) const {
  link::v1::Subscribe question;
  question.set_ticket(subscription.ticket);
  question.set_socket_id(socket_id());
  question.set_channel(subscription.channel->name);
  question.set_auth_token(grant.auth);
  question.set_channel_data(grant.channel_data);
  question.set_connection(facts_.Serialize());
  if (!subscription.user_id.empty()) {
    question.mutable_member()->set_user_id(subscription.user_id);
  }
  return question;
}

void Session::UpdateReading() {
  if (closing_) return;
  const absl::Time now = shard_->now_;
  const ClientFlow::Pause limit = flow_.PauseAt(shard_->options_.rates, now);
  const bool is_limited = limit.until > now;
  if (is_limited) shard_->paused_[number_] = limit.until;
  const bool is_slowed =
      is_limited || pending_ >= contract::kPendingSubscribesMax;
  // A repeat is answered at once, and is no pause to speak of.
  const bool pause = is_slowed || repeats_ > 0;
  if (is_limited && !limited_) shard_->observer_->OnRateLimited(limit.why);
  if (is_slowed && !slowed_) shard_->observer_->OnReadingPaused();
  limited_ = is_limited;
  slowed_ = is_slowed;
  if (pause == paused_) return;
  paused_ = pause;
  if (!pause) {
    shard_->SignOfLife(this);
    return socket_->ResumeReading();
  }
  socket_->PauseReading();
}

void Session::SetTimer() {
  const link::v1::Settings& settings = *shard_->settings_;
  const int64_t wait_ms = pinged_ ? settings.client_timeout_ms()
                                  : std::min(settings.heartbeat_interval_ms(),
                                             settings.client_timeout_ms());
  // Also in time for a write that blocks now, or from now on.
  const absl::Time blocked =
      std::min(socket_->BlockedSince(), shard_->wheel_.now());
  shard_->wheel_.Set(this, std::min(last_alive_ + absl::Milliseconds(wait_ms),
                                    blocked + shard_->options_.write_timeout));
}

void Session::OnTimer() {
  // Signs of life only note the time, so the timer often comes for nothing.
  const link::v1::Settings& settings = *shard_->settings_;
  if (closing_) return;
  const absl::Time now = shard_->wheel_.now();
  if (now - socket_->BlockedSince() >= shard_->options_.write_timeout) {
    return shard_->CloseSession(this, CloseReason::kSlow, "");
  }
  // While reading is paused, signs of life cannot be seen.
  if (paused_) shard_->SignOfLife(this);
  const absl::Duration silence = now - last_alive_;
  if (silence >= absl::Milliseconds(settings.client_timeout_ms())) {
    return shard_->CloseSession(this, CloseReason::kNoHeartbeat, "");
  }
  if (!pinged_ &&
      silence >= absl::Milliseconds(settings.heartbeat_interval_ms())) {
    pinged_ = true;
    socket_->Ping();
  }
  SetTimer();
}

}  // namespace herald::gateway
