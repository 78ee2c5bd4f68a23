// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/router.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using contract::MutexLock;
using link::v1::AttachRequest;
using link::v1::GatewayItem;

}  // namespace

Router::Router(uint64_t gateway_id, std::string version,
               GatewayObserver* observer, int64_t missed_bytes_max)
    : gateway_id_(gateway_id),
      version_(std::move(version)),
      observer_(observer),
      history_(&state_),
      dispatcher_(&state_, &history_, &settled_) {
  contract::Require(gateway_id > 0 && gateway_id >> 63 == 0);
  state_.gateway_id = gateway_id;
  state_.missed_bytes_max = missed_bytes_max;
  state_.observer = observer;
}

void Router::SetShards(std::vector<ShardInbox*> shards) {
  MutexLock lock(&mu_);
  state_.shards = std::move(shards);
}

void Router::LinkUp(const UplinkPtr& uplink, absl::Duration down) {
  {
    // The holdings are listed and the uplink is set in one locked section. An
    // Unsubscribe() between the two would find no uplink for its item, and the
    // service would keep a subscription that `held` has just named.
    MutexLock lock(&mu_);
    contract::Require(state_.uplink == nullptr);
    EnqueueAttach(*uplink, down);
    reported_clients_ = -1;  // A new link has no report yet.
    state_.uplink = uplink;
  }
  uplink->Flush();
}

void Router::EnqueueAttach(Uplink& uplink, absl::Duration down) {
  GatewayItem hello;
  hello.mutable_hello()->set_protocol_version(contract::kLinkProtocolVersion);
  hello.mutable_hello()->set_gateway_id(static_cast<int64_t>(gateway_id_));
  hello.mutable_hello()->set_version(version_);
  hello.mutable_hello()->set_link_down_ms(absl::ToInt64Milliseconds(down));
  hello.mutable_hello()->set_secret(secret_);
  // Unbounded: the size of the holdings does not show how fast the service
  // reads, and a link that ended for it would meet the same size when it
  // attaches again.
  uplink.EnqueueUnbounded(UplinkChunk::Defer(std::move(hello)));
  state_.held.ForEachHeld([&](GatewayItem item) {
    uplink.EnqueueUnbounded(UplinkChunk::Defer(std::move(item)));
  });
  GatewayItem attached;
  attached.mutable_attached();
  uplink.EnqueueUnbounded(UplinkChunk::Defer(std::move(attached)));
  // Every link of a gateway that drains sends this. Once, only the link of that
  // moment did, and the service of a later link did not learn it.
  if (!draining_) return;
  GatewayItem goodbye;
  goodbye.mutable_goodbye();
  uplink.EnqueueUnbounded(UplinkChunk::Defer(std::move(goodbye)));
}

void Router::LinkDown(absl::string_view why) {
  settled_ = false;
  {
    MutexLock lock(&mu_);
    state_.uplink = nullptr;
    state_.owed.clear();
    Batches batches(state_.shards);
    // The service forgets the tickets of a link with its end, so each open one
    // is answered here. Tickets are never numbered again, so a shard that still
    // waits for such an answer cannot mistake one of the next link for it.
    for (const auto& [number, ticket] : std::exchange(state_.tickets, {})) {
      state_.held.CloseTicket(ticket.channel);
      batches.Add(
          ticket.shard,
          Refused{number, link::v1::Refused::CODE_UNAVAILABLE, kUnreachable});
    }
    // Undecided, and not denied: a grant outlives the link and ends on time by
    // itself (grants.h).
    for (const auto& [ticket, shard] : std::exchange(state_.renewals, {})) {
      Renewed undecided;
      undecided.ticket = ticket;
      batches.Add(shard, std::move(undecided));
    }
    for (const auto& [ticket, asked] :
         std::exchange(state_.socket_questions, {})) {
      batches.Add(
          asked.shard,
          SocketAnswered{asked.socket, ticket, std::nullopt,
                         link::v1::Refused::CODE_UNAVAILABLE, kUnreachable});
    }
    history_.RefuseAll(&batches);
    state_.calls.clear();
    // A shard that applies these settings later must not acknowledge them to
    // the next link (ARouter.AcknowledgesNoSettingsOfALinkThatHasEnded).
    state_.settings = nullptr;
    batches.Post();
  }
  observer_->OnLinkEnded(why);
}

absl::Status Router::Receive(link::v1::AttachResponse frame) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    Batches batches(state_.shards);
    for (link::v1::ServiceItem& item : *frame.mutable_items()) {
      dispatcher_.Dispatch(std::move(item), &batches);
    }
    batches.Post();
    state_.EnqueueOwed();
    uplink = state_.uplink;
  }
  // Writes the items that these ones have caused, such as an unsubscribe.
  if (uplink != nullptr) uplink->Flush();
  return absl::OkStatus();
}

bool Router::Send(GatewayItem item) {
  UplinkChunk chunk = UplinkChunk::Encode(std::move(item));
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (state_.uplink == nullptr) return false;
    uplink = state_.uplink;
    uplink->Enqueue(std::move(chunk));
  }
  uplink->Flush();
  return true;
}

bool Router::TryEnqueue(UplinkChunk chunk, admission::Source source,
                        int64_t bytes_max, int64_t rare_max) {
  const int64_t size = chunk.bytes();
  state_.EnqueueOwed();  // First, for its bound (kCrossedOutboxBytesMax).
  if (sent_.HasOthers(source)) {
    const auto more = static_cast<double>(rare_max - kWhisperOutboxBytesMax);
    bytes_max = kWhisperOutboxBytesMax +
                static_cast<int64_t>((1 - sent_.ShareOf(source)) * more);
  }
  if (!state_.uplink->TryEnqueue(std::move(chunk), bytes_max)) return false;
  sent_.Add(source, size);
  return true;
}

int64_t Router::Subscribe(int shard, link::v1::Subscribe question,
                          std::optional<v1::Position> recover,
                          admission::Source source) {
  if (!settled_) return 0;
  OpenTicket open{shard, contract::ChannelKey::FromText(question.channel()),
                  question.socket_id(), false, std::move(recover)};
  // Before the lock, because it is encoded before. So tickets of several loops
  // may be sent in another order; they need only be unique.
  const int64_t ticket = ++last_ticket_;
  question.set_ticket(ticket);
  GatewayItem item;
  *item.mutable_subscribe() = std::move(question);
  UplinkChunk chunk = UplinkChunk::Encode(std::move(item));
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (!settled_ || state_.uplink == nullptr) return 0;
    // The ticket is opened only when the item has been accepted, so a refusal
    // leaves nothing to undo. The answer cannot come first: Receive() takes
    // this lock.
    if (!TryEnqueue(std::move(chunk), source)) return 0;
    state_.held.OpenTicket(open.channel);
    state_.tickets[ticket] = std::move(open);
    uplink = state_.uplink;
  }
  uplink->Flush();
  return ticket;
}

int64_t Router::AskAboutSocket(int shard, uint64_t socket,
                               link::v1::SocketQuestion question,
                               admission::Source source) {
  if (!settled_) return 0;
  const int64_t ticket = ++last_ticket_;
  question.set_ticket(ticket);
  GatewayItem item;
  *item.mutable_socket_question() = std::move(question);
  UplinkChunk chunk = UplinkChunk::Encode(std::move(item));
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (!settled_ || state_.uplink == nullptr) return 0;
    if (!TryEnqueue(std::move(chunk), source)) return 0;
    state_.socket_questions[ticket] = {shard, socket};
    uplink = state_.uplink;
  }
  uplink->Flush();
  return ticket;
}

bool Router::Repeat(int shard, contract::ChannelKeyView channel,
                    uint64_t socket, int64_t ticket,
                    const std::optional<v1::Position>& recover) {
  MutexLock lock(&mu_);
  HeldChannel* const held = state_.held.Find(channel);
  if (held == nullptr) return false;
  // The subscription is live, so no event is missed or resent.
  std::optional<bool> recovered;
  if (recover.has_value()) {
    recovered = held->history != nullptr && held->history->IsAt(*recover);
  }
  Batches batches(state_.shards);
  batches.Add(shard,
              SubscribedAgain{socket, ticket,
                              HeldChannels::Answer(channel, *held, recovered)});
  batches.Post();
  return true;
}

void Router::Cancel(int64_t ticket, contract::ChannelKeyView channel) {
  GatewayItem item;
  item.mutable_cancel()->set_ticket(ticket);
  UplinkChunk chunk = UplinkChunk::Encode(std::move(item));
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    uplink = state_.uplink;
    // Refused, it does no harm: the ticket is marked, so a yes is ended
    // (ItemDispatcher::OnCancelled()).
    if (uplink != nullptr && state_.tickets.contains(ticket)) {
      uplink->TryEnqueue(std::move(chunk), kCrossedOutboxBytesMax);
    }
    Batches batches(state_.shards);
    CancelTicket(ticket, channel, &batches);
    batches.Post();
  }
  if (uplink != nullptr) uplink->Flush();
}

void Router::CancelTicket(int64_t ticket, contract::ChannelKeyView channel,
                          Batches* batches) {
  const auto it = state_.tickets.find(ticket);
  if (it != state_.tickets.end()) {
    // It stays open, and counts for its socket, until the service answers. When
    // a cancelled ticket did not count, a socket that subscribed and
    // unsubscribed in a loop asked the authorizer without a bound. An open
    // ticket also keeps the roster, which a later `subscribed` may come
    // without.
    it->second.cancelled = true;
  } else {
    // The service has confirmed it, and perhaps its answer is held back.
    history_.Cancel(ticket, channel, batches);
  }
}

void Router::Unsubscribe(int shard, link::v1::Unsubscribe subscription) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    Forget(shard, subscription);
    uplink = state_.uplink;
    state_.EnqueueCrossed(std::move(subscription));
  }
  if (uplink != nullptr) uplink->Flush();
}

void Router::Forget(int shard, const link::v1::Unsubscribe& subscription) {
  state_.renewals.erase(subscription.ticket());
  state_.held.Forget(shard, subscription);
}

bool Router::Leave(int shard, const AttachRequest& ends,
                   const std::vector<contract::ChannelKeyView>& channels) {
  contract::Require(channels.size() == static_cast<size_t>(ends.items_size()));
  // All loops and the link wait for the lock.
  UplinkChunk chunk = UplinkChunk::Encode(ends);
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    uplink = state_.uplink;
    // All or nothing, before anything is forgotten: the caller keeps the
    // subscriptions and tries the same ends again (departures.cc). Never
    // Enqueue(), which ends the link for all sockets when the outbox is full:
    // 300 sockets that unsubscribed from 1,000 channels at once did that.
    //
    // In one locked section, so each attach either follows the items or still
    // holds the subscriptions. Without a link the items are dropped, and are
    // not missed: the next attach does not name the subscriptions.
    if (uplink != nullptr &&
        !uplink->TryEnqueue(std::move(chunk), kEndOutboxBytesMax)) {
      return false;
    }
    Batches batches(state_.shards);
    for (size_t i = 0; i < channels.size(); ++i) {
      const GatewayItem& item = ends.items(static_cast<int>(i));
      if (item.has_unsubscribe()) {
        Forget(shard, item.unsubscribe());
      } else {
        CancelTicket(item.cancel().ticket(), channels[i], &batches);
      }
    }
    batches.Post();
  }
  if (uplink != nullptr) uplink->Flush();
  return true;
}

absl::Status Router::Whisper(link::v1::Whisper whisper,
                             admission::Source source) {
  GatewayItem item;
  *item.mutable_whisper() = std::move(whisper);
  UplinkChunk chunk = UplinkChunk::Encode(std::move(item));
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (!settled_ || state_.uplink == nullptr) {
      return absl::UnavailableError(kUnreachable);
    }
    if (!TryEnqueue(std::move(chunk), source, kWhisperOutboxBytesMax,
                    kRareWhisperOutboxBytesMax)) {
      return absl::ResourceExhaustedError(
          "the queue to the service is full; try again later");
    }
    uplink = state_.uplink;
  }
  uplink->Flush();
  return absl::OkStatus();
}

void Router::ReportCongestion(const WhisperOrigin& whisper) {
  const std::optional<contract::SocketId> sender =
      contract::ParseSocketId(whisper.socket_id);
  if (sender.has_value() && sender->gateway == gateway_id_) {
    MutexLock lock(&mu_);
    const int shard = state_.ShardOf(whisper.socket_id);
    if (shard < 0) return;
    Batches batches(state_.shards);
    batches.Add(shard, Congested{sender->socket, whisper.bytes});
    return batches.Post();
  }
  GatewayItem item;
  item.mutable_congestion()->set_socket_id(whisper.socket_id);
  item.mutable_congestion()->set_bytes(whisper.bytes);
  UplinkChunk chunk = UplinkChunk::Encode(std::move(item));
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (state_.uplink == nullptr) return;
    uplink = state_.uplink;
    uplink->TryEnqueue(std::move(chunk), kWhisperOutboxBytesMax);
  }
  uplink->Flush();
}

bool Router::Renew(int shard, link::v1::Subscribe question) {
  if (!settled_) return false;
  const int64_t ticket = question.ticket();
  GatewayItem item;
  *item.mutable_renew()->mutable_subscribe() = std::move(question);
  UplinkChunk chunk = UplinkChunk::Encode(std::move(item));
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (state_.uplink == nullptr) return false;
    uplink = state_.uplink;
    if (!uplink->TryEnqueue(std::move(chunk), kQuestionOutboxBytesMax)) {
      return false;
    }
    state_.renewals[ticket] = shard;
  }
  uplink->Flush();
  return true;
}

void Router::CallDone(link::v1::CallResult result) {
  {
    MutexLock lock(&mu_);
    const auto it = state_.calls.find(result.call_id());
    if (it != state_.calls.end()) {
      OpenCall& call = it->second;
      call.disconnected_count += result.disconnected_count();
      // A user may have sockets on every loop: the last loop's result has the
      // sum.
      if (--call.parts > 0) return;
      result.set_disconnected_count(call.disconnected_count);
      state_.calls.erase(it);
    }
  }
  if (result.call_id() == 0) return;  // A replay, for which no call waits.
  GatewayItem item;
  *item.mutable_call_result() = std::move(result);
  Send(std::move(item));
}

void Router::SettingsApplied(const link::v1::Settings& settings) {
  {
    MutexLock lock(&mu_);
    // Newer settings have arrived, perhaps from another service.
    if (state_.settings.get() != &settings) return;
    if (--state_.settings_waiting != 0) return;
  }
  GatewayItem item;
  item.mutable_settings_acknowledged()->set_revision(settings.revision());
  Send(std::move(item));
}

void Router::Report(int64_t client_count) {
  {
    MutexLock lock(&mu_);
    state_.EnqueueOwed();
    if (state_.uplink == nullptr || reported_clients_ == client_count) return;
    // Before Send(), which unlocks. If the link ends between the two, LinkUp()
    // resets the count, so the next link gets a report.
    reported_clients_ = client_count;
  }
  GatewayItem item;
  item.mutable_report()->set_client_count(client_count);
  Send(std::move(item));
}

void Router::Goodbye() {
  {
    MutexLock lock(&mu_);
    // Before the item: a link that comes up between the two steps sends two,
    // and in the other order it would send none.
    draining_ = true;
  }
  GatewayItem item;
  item.mutable_goodbye();
  Send(std::move(item));
}

}  // namespace herald::gateway
