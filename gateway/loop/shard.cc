// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/shard.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "gateway/router/channel_rules.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;

// How soon a renewal that came to nothing is tried again.
constexpr absl::Duration kRenewRetry = absl::Seconds(1);

// Sockets of a user that are closed without waiting for those who leave.
constexpr size_t kClosedAtOnceMax = 32;

// What holds until the service has said what does: the documented defaults.
std::shared_ptr<const link::v1::Settings> DefaultSettings() {
  auto settings = std::make_shared<link::v1::Settings>();
  settings->set_heartbeat_interval_ms(30'000);
  settings->set_client_timeout_ms(60'000);
  settings->set_allow_client_events(true);
  settings->set_max_payload(65'536);
  return settings;
}

}  // namespace

Shard::Shard(ShardOptions options, Router* router, const Dialect* dialect,
             Loop* loop, Observer* observer, absl::Time now)
    : options_(options),
      router_(router),
      dialect_(dialect),
      loop_(loop),
      observer_(observer),
      settings_(DefaultSettings()),
      rules_(CompileRules(*settings_)),
      wheel_(now),
      now_(now) {}

Shard::~Shard() = default;

size_t Shard::message_bytes_max() const {
  return static_cast<size_t>(
      std::max(settings_->max_payload(), contract::kSubscribeBytesMax) +
      contract::kClientMessageExtraBytes);
}

Session* Shard::Open(Socket* socket, uint64_t socket_number,
                     ConnectionFacts facts) {
  contract::Require(socket_number != 0);
  auto owned =
      std::make_unique<Session>(this, socket, socket_number, std::move(facts));
  Session* const session = owned.get();
  contract::Require(sessions_.emplace(socket_number, std::move(owned)).second);
  observer_->OnOpened();
  socket->SetMessageBytesMax(message_bytes_max());
  session->SetTimer();
  Send(session, ConnectedMessage{session->socket_id()});
  return session;
}

void Shard::Receive(Session* session, absl::string_view text) {
  SignOfLife(session);
  if (session->closing_) return;
  observer_->OnMessage(static_cast<int64_t>(text.size()));
  session->OnMessage(text);
}

void Shard::ReceiveControlFrame(Session* session) {
  SignOfLife(session);
  if (!session->closing_) session->OnControlFrame();
}

void Shard::SignOfLife(Session* session) {
  session->last_alive_ = wheel_.now();
  session->pinged_ = false;
}

int64_t Shard::CloseSome(int64_t count, Drain* drain) {
  std::vector<Session*> open;
  for (const auto& [number, session] : sessions_) {
    if (!session->closing_) open.push_back(session.get());
  }
  const auto total = static_cast<int64_t>(open.size());
  const int64_t closing = std::min(count, total);
  for (int64_t i = 0; i < closing; ++i) {
    CloseSession(open[static_cast<size_t>(i)], CloseReason::kGoingAway,
                 dialect_->GoingAway(drain->NextDelay()));
  }
  return total - closing;
}

void Shard::Send(Session* session, const ServerMessage& message) {
  SendFrame(session, Frame(EncodeFrames(*dialect_, message)));
}

void Shard::Send(Session* session, const EncodedMessagePtr& message) {
  const FrameBytes& frames = message->For(*dialect_);
  SendFrame(session, Frame(FrameBytes(message, frames.get())));
}

void Shard::SendFrame(Session* session, const Frame& frame, size_t written) {
  if (session->closing_ || frame.size() == 0) return;
  if (frame.whisper() != nullptr && written == 0 &&
      !TakesWhisper(session, frame)) {
    return;
  }
  if (session->socket_->Enqueue(frame, written)) {
    writes_.Add(&session->write_place_);
  } else {
    // Not closed at once, for the caller may be walking the subscribers; but
    // nothing more goes into a stream that has a hole.
    session->closing_ = true;
    overflowed_.push_back(session->number_);
  }
  RequestFlush();
}

bool Shard::TakesWhisper(Session* session, const Frame& frame) {
  if (session->socket_->HasRoomForWhisper(frame.size())) {
    session->flow_.OnWhisperTaken();
    return true;
  }
  observer_->OnWhisperDropped(1);
  // Once for each whisper, however many have no room for it.
  WhisperOrigin& origin = *frame.whisper();
  if (session->flow_.OnWhisperDropped(now_) &&
      !origin.is_reported.exchange(true)) {
    router_->ReportCongestion(origin);
  }
  return false;
}

void Shard::RequestFlush() {
  if (std::exchange(flush_requested_, true)) return;
  loop_->RequestFlush();
}

void Shard::FlushDirty() {
  flush_requested_ = false;
  for (const uint64_t number : std::exchange(overflowed_, {})) {
    const auto it = sessions_.find(number);
    if (it != sessions_.end()) {
      CloseSession(it->second.get(), CloseReason::kSlow, "");
    }
  }
  writes_.Flush();
  WriteBulk();
  EndSome();
}

void Shard::Advance(absl::Time awake, absl::Time now) {
  wheel_.Advance(awake);
  now_ = std::max(now_, now);
  EndPauses();
  while (!grants_.empty() && grants_.begin()->first <= now_) {
    const int64_t ticket = grants_.begin()->second;
    grants_.erase(grants_.begin());
    GrantDue(ticket);
  }
}

void Shard::EndPauses() {
  std::vector<uint64_t> due;
  for (const auto& [number, until] : paused_) {
    if (until <= now_) due.push_back(number);
  }
  for (const uint64_t number : due) {
    paused_.erase(number);
    const auto session = sessions_.find(number);
    if (session != sessions_.end()) session->second->UpdateReading();
  }
}

void Shard::Deliver(std::vector<Delivery> batch) {
  for (Delivery& delivery : batch) {
    std::visit([this](auto& one) { On(one); }, delivery);
  }
}

bool Shard::IsExcepted(const ChannelMessage& message, const Channel& channel) {
  const auto session = sessions_.find(message.except_socket);
  if (session == sessions_.end()) return false;
  const Subscription* const known =
      session->second->subscriptions_.Find(&channel);
  return known != nullptr && known->active;
}

void Shard::On(ChannelMessagePtr& shared) {
  const ChannelMessage& message = *shared;
  if (message.whisper != nullptr) {
    const auto sender = sessions_.find(message.except_socket);
    if (sender != sessions_.end()) {
      sender->second->OnWhisperBack(message.whisper->bytes);
    }
  }
  Channel* const channel = table_.Find(message.channel);
  if (channel == nullptr) return;
  if (channel->revoked > 0) Mute(channel);
  const Frame local(message, *dialect_);
  if (local.size() == 0) return;
  if (channel->backlog != nullptr ||
      channel->subscribers.size() > kBulkSubscribers) {
    if (!Spread(channel, local, message.except_socket)) return;
  } else {
    for (const Subscription* const subscription : channel->subscribers) {
      Session* const session = subscription->session;
      if (session->number_ != message.except_socket) SendFrame(session, local);
    }
  }
  if (message.published_us == 0) return;
  const auto sockets = static_cast<int64_t>(channel->subscribers.size()) -
                       (IsExcepted(message, *channel) ? 1 : 0);
  observer_->OnDelivered(
      sockets, static_cast<int64_t>(local.size()),
      loop_->Now() - absl::FromUnixMicros(message.published_us));
}

void Shard::On(Confirmed& confirmed) {
  Subscription* const subscription = FindTicket(confirmed.ticket);
  if (subscription != nullptr) {
    return subscription->session->OnConfirmed(subscription, confirmed);
  }
  // It was cancelled while the yes was on its way to this loop, or while the
  // router waited for what was missed.
  CancelledIsAnswered(confirmed.ticket, confirmed.answer_bytes());
  link::v1::Unsubscribe end;
  end.set_ticket(confirmed.ticket);
  end.set_channel(confirmed.channel);
  if (confirmed.is_member) {
    end.set_socket_id(confirmed.socket_id);
    end.set_user_id(confirmed.user_id);
  }
  router_->Unsubscribe(options_.index, std::move(end));
}

void Shard::On(Refused& refused) {
  Subscription* const subscription = FindTicket(refused.ticket);
  if (subscription == nullptr) {
    return CancelledIsAnswered(refused.ticket, refused.link_bytes);
  }
  subscription->session->OnRefused(subscription, refused);
}

void Shard::On(SubscribedAgain& again) {
  const auto session = sessions_.find(again.socket);
  if (session == sessions_.end()) return;
  Subscription* const subscription = FindTicket(again.ticket);
  if (subscription != nullptr && !subscription->revoked) {
    CatchUp(subscription);
    Send(session->second.get(), again.subscribed);
  }
  session->second->OnSubscribedAgain(again);
}

void Shard::On(Congested& congested) {
  const auto session = sessions_.find(congested.socket);
  if (session == sessions_.end()) return;
  session->second->OnCongested(congested.bytes);
}

void Shard::On(NewSettings& settings) {
  settings_ = settings.settings;
  rules_ = settings.rules;
  for (const auto& [number, session] : sessions_) {
    if (session->closing_) continue;
    session->socket_->SetMessageBytesMax(message_bytes_max());
    session->SetTimer();
  }
  router_->SettingsApplied(*settings_);
}

void Shard::On(link::v1::Call& call) {
  using Call = link::v1::Call;
  if (call.call_case() == Call::kDisconnect) return OnDisconnect(call);
  const std::string& socket_id = call.call_case() == Call::kSubscribe
                                     ? call.subscribe().socket_id()
                                     : call.unsubscribe().socket_id();
  Session* const session = Find(socket_id);
  if (session == nullptr) {
    link::v1::CallResult result;
    result.set_call_id(call.call_id());
    result.set_code(static_cast<int>(absl::StatusCode::kNotFound));
    result.set_message(
        absl::StrCat("no gateway has socket ", contract::Quoted(socket_id)));
    return router_->CallDone(std::move(result));
  }
  if (call.call_case() == Call::kSubscribe) {
    session->SubscribeByCall(call);
  } else {
    session->UnsubscribeByCall(call);
  }
}

void Shard::OnDisconnect(const link::v1::Call& call) {
  const link::v1::DisconnectCall& wish = call.disconnect();
  link::v1::CallResult result;
  result.set_call_id(call.call_id());
  if (wish.has_user_id()) {
    const std::vector<Session*> sessions = SessionsOf(wish.user_id());
    for (Session* const session : sessions) {
      if (sessions.size() <= kClosedAtOnceMax) {
        CloseSession(session, CloseReason::kDisconnected, wish.reason());
      } else {
        CloseInTurn(session, CloseReason::kDisconnected, wish.reason());
      }
    }
    result.set_disconnected_count(static_cast<int64_t>(sessions.size()));
    return AnswerWhenAllHaveLeft(std::move(result));
  }
  if (Session* const session = Find(wish.socket_id())) {
    CloseSession(session, CloseReason::kDisconnected, wish.reason());
    result.set_disconnected_count(1);
    return AnswerWhenAllHaveLeft(std::move(result));
  }
  result.set_code(static_cast<int>(absl::StatusCode::kNotFound));
  result.set_message(absl::StrCat("no gateway has socket ",
                                  contract::Quoted(wish.socket_id())));
  router_->CallDone(std::move(result));
}

std::vector<Session*> Shard::SessionsOf(absl::string_view user_id) {
  std::vector<Session*> sessions;
  const std::vector<Subscription*>* const all = table_.OfUser(user_id);
  if (all == nullptr) return sessions;
  absl::flat_hash_set<const Session*> seen;
  for (const Subscription* const subscription : *all) {
    // One that is revoked, or whose connection is gone, only waits for its end.
    Session* const session = subscription->session;
    if (subscription->revoked || session->socket_ == nullptr) continue;
    if (seen.insert(session).second) sessions.push_back(session);
  }
  return sessions;
}

Session* Shard::Find(absl::string_view socket_id) {
  const std::optional<contract::SocketId> id =
      contract::ParseSocketId(socket_id);
  if (!id || id->gateway != router_->gateway_id()) return nullptr;
  const auto it = sessions_.find(id->socket);
  if (it == sessions_.end() || it->second->closing_) return nullptr;
  return it->second.get();
}

Subscription* Shard::FindTicket(int64_t ticket) {
  const auto it = tickets_.find(ticket);
  return it == tickets_.end() ? nullptr : it->second;
}

void Shard::CancelledIsAnswered(int64_t ticket, int64_t bytes) {
  const auto it = cancelled_.find(ticket);
  if (it == cancelled_.end()) return;
  const auto session = sessions_.find(it->second);
  cancelled_.erase(it);
  if (session != sessions_.end()) session->second->OnCancelled(bytes);
}

void Shard::Forget(Subscription* subscription) {
  if (subscription->grant != nullptr) {
    grants_.erase({subscription->grant->attention, subscription->ticket});
  }
  tickets_.erase(subscription->ticket);
  LeaveBulk(subscription);
  table_.Remove(subscription);
}

void Shard::BeginGrant(Subscription* subscription, absl::Duration life) {
  Grant& grant = *subscription->grant;
  grant.end = now_ + life;
  ScheduleGrant(subscription, grant.renewable ? now_ + life * 0.9 : grant.end);
}

void Shard::ScheduleGrant(Subscription* subscription, absl::Time when) {
  Grant& grant = *subscription->grant;
  grants_.erase({grant.attention, subscription->ticket});
  grant.attention = when;
  if (when == absl::InfiniteFuture()) return;
  grants_.emplace(when, subscription->ticket);
}

void Shard::ScheduleRenewal(Subscription* subscription, absl::Time when) {
  if (when > renewal_slot_) {
    renewal_slot_ = when;
    renewals_in_slot_ = 0;
  } else if (renewals_in_slot_ == kRenewalsPerSlot) {
    renewal_slot_ += TimerWheel::kSlot;
    renewals_in_slot_ = 0;
  }
  // Who has no time to wait for its turn is asked out of turn.
  const absl::Time end = subscription->grant->end;
  if (renewal_slot_ >= end) {
    return ScheduleGrant(subscription, std::min(when, end));
  }
  ++renewals_in_slot_;
  ScheduleGrant(subscription, renewal_slot_);
}

void Shard::GrantDue(int64_t ticket) {
  Subscription* const subscription = FindTicket(ticket);
  contract::Require(subscription != nullptr && subscription->grant != nullptr);
  if (subscription->revoked) return;
  Grant& grant = *subscription->grant;
  if (now_ >= grant.end) {
    observer_->OnGrantEnded();
    return EndInTurn(subscription, "the grant has expired");
  }
  const Session& session = *subscription->session;
  grant.asking =
      router_->Renew(options_.index, session.QuestionOf(*subscription, grant));
  if (!grant.asking) {
    observer_->OnGrantPostponed();
    return ScheduleRenewal(subscription, now_ + kRenewRetry);
  }
  observer_->OnGrantAsked();
  // While an answer is awaited, only the end matters.
  ScheduleGrant(subscription, grant.end);
}

void Shard::On(Renewed& renewed) {
  Subscription* const subscription = FindTicket(renewed.ticket);
  if (subscription == nullptr || subscription->grant == nullptr) return;
  if (subscription->revoked) return;
  Grant& grant = *subscription->grant;
  grant.asking = false;
  switch (renewed.outcome) {
    case link::v1::Renewed::OUTCOME_ALLOWED:
      grant.owed = false;
      return BeginGrant(subscription, renewed.expires_after);
    case link::v1::Renewed::OUTCOME_DENIED:
      observer_->OnGrantEnded();
      return EndInTurn(subscription, renewed.reason);
    default: {
      if (grant.owed || grant.end != absl::InfiniteFuture()) {
        return ScheduleRenewal(subscription, now_ + kRenewRetry);
      }
      return ScheduleGrant(subscription, absl::InfiniteFuture());
    }
  }
}

void Shard::On(RenewAll& /*all*/) {
  for (const auto& [ticket, subscription] : tickets_) {
    if (!subscription->active || subscription->grant == nullptr) continue;
    Grant& grant = *subscription->grant;
    if (!grant.renewable) continue;
    grant.owed = true;
    if (grant.asking) continue;
    ScheduleRenewal(subscription, now_ + TimerWheel::kSlot);
  }
}

}  // namespace herald::gateway
