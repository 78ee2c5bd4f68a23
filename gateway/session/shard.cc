// SPDX-License-Identifier: Apache-2.0

#include "gateway/session/shard.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "gateway/router/call_results.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;

// Sockets of a user that are closed without waiting for others that leave.
constexpr size_t kClosedAtOnceMax = 32;

}  // namespace

Shard::Shard(ShardOptions options, Router* router, Loop* loop,
             GatewayObserver* observer, absl::Time now)
    : loop_(options, router, loop, observer, now) {}

Shard::~Shard() = default;

Session* Shard::Open(Socket* socket, const Dialect* dialect,
                     uint64_t socket_number, ConnectionFacts facts,
                     const Goodbye* refusal, absl::string_view app) {
  contract::Require(socket_number != 0);
  auto owned = std::make_unique<Session>(&loop_, socket, dialect, app,
                                         socket_number, std::move(facts));
  Session* const session = owned.get();
  contract::Require(sessions_.emplace(socket_number, std::move(owned)).second);
  loop_.state.observer->OnOpened();
  session->Start(refusal);
  return session;
}

void Shard::Receive(Session* session, absl::string_view text) {
  session->OnSignOfLife();
  if (session->is_closing()) return;
  loop_.state.observer->OnMessage(static_cast<int64_t>(text.size()));
  session->OnMessage(text);
}

void Shard::ReceiveFrames(Session* session, int64_t count) {
  session->OnSignOfLife();
  if (!session->is_closing()) session->OnFrames(count);
}

void Shard::Closed(Session* session) {
  session->OnConnectionGone();
  if (session->is_over()) sessions_.erase(session->number());
}

int64_t Shard::CloseSome(int64_t count, Drain* drain) {
  std::vector<Session*> open;
  for (const auto& [number, session] : sessions_) {
    if (!session->is_closing()) open.push_back(session.get());
  }
  const auto total = static_cast<int64_t>(open.size());
  const int64_t closing = std::min(count, total);
  for (int64_t i = 0; i < closing; ++i) {
    Session* const session = open[static_cast<size_t>(i)];
    session->Close(CloseReason::kGoingAway, "", drain->NextDelay());
  }
  return total - closing;
}

void Shard::FlushDirty() {
  // Cleared first: work that the steps below leave for the next turn requests
  // it again.
  //
  // The outboxes are written before the backlogs: answers do not wait for the
  // bulk, and only a socket with an empty outbox takes a backlog in one send(2)
  // (Socket::WriteNow()).
  loop_.state.flush_requested = false;
  for (const uint64_t number : loop_.writer.TakeOverflowed()) {
    Session* const session = Find(number);
    if (session != nullptr) session->Close(CloseReason::kSlow, "");
  }
  loop_.writer.Flush();
  loop_.bulk.WriteSome();
  departures_.EndSome();
}

void Shard::Advance(absl::Time awake, absl::Time now) {
  LoopState& state = loop_.state;
  state.wheel.Advance(awake);
  state.now = std::max(state.now, now);
  for (const uint64_t number : loop_.pauses.TakeEnded(state.now)) {
    Session* const session = Find(number);
    if (session != nullptr) session->UpdateReading();
  }
  for (Subscription* const one : loop_.subscriptions.grants().AskDue()) {
    one->client->session->EndInTurn(one, "the grant has expired");
  }
}

int64_t Shard::Deliver(Delivery& delivery) {
  visits_ = 1;
  std::visit([this](auto& one) { On(one); }, delivery);
  return visits_;
}

bool Shard::IsExcepted(const ChannelMessage& message,
                       const LoopChannel& channel) const {
  const Session* const session = Find(message.except_socket);
  if (session == nullptr) return false;
  const Subscription* const known = session->subscriptions().Find(&channel);
  return known != nullptr && known->active;
}

void Shard::On(ChannelMessagePtr& shared) {
  const ChannelMessage& message = *shared;
  if (message.whisper != nullptr) {
    Session* const sender = Find(message.except_socket);
    if (sender != nullptr) sender->OnWhisperBack(message.whisper->bytes);
  }
  loop_.subscriptions.table().ForEach(
      message.channel,
      [&](LoopChannel* channel) { DeliverTo(channel, message); });
}

void Shard::DeliverTo(LoopChannel* channel, const ChannelMessage& message) {
  // A revocation only marks, because a user may have thousands of
  // subscriptions. The next delivery to the channel is the first that must not
  // reach them (departures.cc).
  if (channel->revoked > 0) loop_.subscriptions.MuteRevoked(channel);
  const Frame local(message, *channel->dialect);
  if (local.size() == 0) return;
  if (BulkWriter::IsLarge(*channel)) {
    if (!loop_.bulk.Spread(channel, local, message.except_socket)) return;
  } else {
    visits_ += static_cast<int64_t>(channel->subscribers.size());
    for (const Subscription* const subscription : channel->subscribers) {
      ClientState* const client = subscription->client;
      if (client->number == message.except_socket) continue;
      loop_.writer.SendFrame(client, local);
    }
  }
  if (message.published_us == 0) return;
  const auto sockets = static_cast<int64_t>(channel->subscribers.size()) -
                       (IsExcepted(message, *channel) ? 1 : 0);
  const LoopState& state = loop_.state;
  state.observer->OnDelivered(
      sockets, static_cast<int64_t>(local.size()),
      state.loop->Now() - absl::FromUnixMicros(message.published_us));
}

void Shard::On(Confirmed& confirmed) {
  Subscription* const subscription =
      loop_.subscriptions.tickets().Find(confirmed.ticket);
  if (subscription != nullptr) {
    return subscription->client->session->OnConfirmed(subscription, confirmed);
  }
  // It was cancelled while the yes was on its way to this loop, or while the
  // router waited for missed publications.
  CancelledIsAnswered(confirmed.ticket, confirmed.answer_bytes());
  loop_.state.router->Unsubscribe(loop_.state.options.index, EndOf(confirmed));
}

void Shard::On(Refused& refused) {
  Subscription* const subscription =
      loop_.subscriptions.tickets().Find(refused.ticket);
  if (subscription == nullptr) {
    return CancelledIsAnswered(refused.ticket, refused.link_bytes);
  }
  subscription->client->session->OnRefused(subscription, refused);
}

void Shard::On(Renewed& renewed) {
  Subscription* const subscription =
      loop_.subscriptions.tickets().Find(renewed.ticket);
  // The subscription may have ended while the authorizer decided. A revoked one
  // only waits for its end.
  if (subscription == nullptr || subscription->grant == nullptr) return;
  if (subscription->revoked) return;
  if (loop_.subscriptions.grants().OnRenewed(subscription, renewed)) return;
  subscription->client->session->EndInTurn(subscription, renewed.reason);
}

void Shard::On(RenewAll& /*all*/) { loop_.subscriptions.grants().RenewAll(); }

void Shard::On(SubscribedAgain& again) {
  Session* const session = Find(again.socket);
  if (session != nullptr) session->OnSubscribedAgain(again);
}

void Shard::On(SocketAnswered& answer) {
  Session* const session = Find(answer.socket);
  if (session != nullptr) session->OnSocketAnswered(answer);
}

void Shard::On(Congested& congested) {
  Session* const session = Find(congested.socket);
  if (session != nullptr) session->OnCongested(congested.bytes);
}

void Shard::On(NewSettings& settings) {
  loop_.state.settings = settings;
  for (const auto& [number, session] : sessions_) {
    if (!session->is_closing()) session->OnNewSettings();
  }
  // Last: from the acknowledgement on the service holds this gateway's items to
  // the bounds in the settings.
  loop_.state.router->SettingsApplied(*settings.settings);
}

void Shard::On(v1::Revocation& revocation) {
  std::optional<contract::ChannelKeyView> channel;
  if (!revocation.channel().empty()) {
    channel = contract::ChannelKeyView::FromText(revocation.channel());
  }
  if (revocation.has_user_id()) {
    for (Session* const session : SessionsOf(revocation.user_id())) {
      session->Revoke(channel, revocation.reason());
    }
  } else if (Session* const session = FindOpen(revocation.socket_id())) {
    session->Revoke(channel, revocation.reason());
  }
}

void Shard::On(link::v1::Call& call) {
  using Call = link::v1::Call;
  if (call.call_case() == Call::kDisconnect) return OnDisconnect(call);
  const bool subscribes = call.call_case() == Call::kSubscribe;
  const std::string& socket_id = subscribes ? call.subscribe().socket_id()
                                            : call.unsubscribe().socket_id();
  const auto channel = contract::ChannelKeyView::FromText(
      subscribes ? call.subscribe().channel() : call.unsubscribe().channel());
  Session* const session = FindOpen(socket_id);
  // A socket is of one app, and the backends of others do not see it.
  if (session == nullptr || session->app() != channel.app) {
    return loop_.state.router->CallDone(
        NoSuchSocket(call.call_id(), socket_id));
  }
  if (subscribes) {
    session->SubscribeByCall(channel.name, call);
  } else {
    session->UnsubscribeByCall(channel.name, call);
  }
}

void Shard::OnDisconnect(const link::v1::Call& call) {
  const link::v1::DisconnectCall& wish = call.disconnect();
  link::v1::CallResult result;
  result.set_call_id(call.call_id());
  if (wish.has_user_id()) {
    const std::vector<Session*> sessions = SessionsOf(wish.user_id());
    for (Session* const session : sessions) {
      // A user with thousands of sockets must not hold up the loop.
      if (sessions.size() <= kClosedAtOnceMax) {
        session->Close(CloseReason::kDisconnected, wish.reason());
      } else {
        session->CloseInTurn(CloseReason::kDisconnected, wish.reason());
      }
    }
    result.set_disconnected_count(static_cast<int64_t>(sessions.size()));
    return AnswerWhenAllHaveLeft(std::move(result));
  }
  if (Session* const session = FindOpen(wish.socket_id())) {
    session->Close(CloseReason::kDisconnected, wish.reason());
    result.set_disconnected_count(1);
    return AnswerWhenAllHaveLeft(std::move(result));
  }
  loop_.state.router->CallDone(NoSuchSocket(call.call_id(), wish.socket_id()));
}

void Shard::AnswerWhenAllHaveLeft(link::v1::CallResult result) {
  if (loop_.leaving.empty()) {
    return loop_.state.router->CallDone(std::move(result));
  }
  // Behind the sessions in the queue: the backend may count on the members
  // having left (Leaving.AnswersTheBackendWhenTheUsersMembersHaveLeft).
  loop_.leaving.Add(std::move(result));
}

void Shard::CancelledIsAnswered(int64_t ticket, int64_t bytes) {
  const std::optional<uint64_t> socket =
      loop_.subscriptions.tickets().TakeCancelled(ticket);
  if (!socket.has_value()) return;
  Session* const session = Find(*socket);
  if (session != nullptr) session->OnCancelled(bytes);
}

Session* Shard::Find(uint64_t number) const {
  const auto it = sessions_.find(number);
  return it == sessions_.end() ? nullptr : it->second.get();
}

Session* Shard::FindOpen(absl::string_view socket_id) const {
  const std::optional<contract::SocketId> id =
      contract::ParseSocketId(socket_id);
  // Another gateway may have a socket of the same number.
  if (!id || id->gateway != loop_.state.router->gateway_id()) return nullptr;
  Session* const session = Find(id->socket);
  return session == nullptr || session->is_closing() ? nullptr : session;
}

std::vector<Session*> Shard::SessionsOf(absl::string_view user_id) {
  std::vector<Session*> sessions;
  const std::vector<Subscription*>* const all =
      loop_.subscriptions.table().OfUser(user_id);
  if (all == nullptr) return sessions;
  absl::flat_hash_set<const Session*> seen;
  for (const Subscription* const subscription : *all) {
    // One that is revoked, or without a connection, only waits for its end.
    const ClientState& client = *subscription->client;
    if (subscription->revoked || client.socket() == nullptr) continue;
    if (seen.insert(client.session).second) sessions.push_back(client.session);
  }
  return sessions;
}

}  // namespace herald::gateway
