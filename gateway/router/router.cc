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
using link::v1::GatewayItem;

// What is held of a channel is split into items of about this size. The rest of
// a frame is for the last member, who is never split.
constexpr int64_t kHeldBytes = contract::kLinkAttachFrameBytes / 2;

constexpr char kUnreachable[] = "the service is not reachable";

std::string Encode(GatewayItem item) {
  link::v1::AttachRequest frame;
  *frame.add_items() = std::move(item);
  return frame.SerializeAsString();
}

}  // namespace

Router::Router(uint64_t gateway_id, std::string version, Observer* observer,
               int64_t missed_bytes_max)
    : gateway_id_(gateway_id),
      version_(std::move(version)),
      observer_(observer),
      missed_bytes_max_(missed_bytes_max) {
  contract::Require(gateway_id > 0 && gateway_id >> 63 == 0);
}

void Router::SetShards(std::vector<ShardInbox*> shards) {
  shards_ = std::move(shards);
}

void Router::LinkUp(const UplinkPtr& uplink, absl::Duration down) {
  {
    MutexLock lock(&mu_);
    contract::Require(uplink_ == nullptr);
    EnqueueAttach(*uplink, down);
    reported_clients_ = -1;  // A new link has heard no report.
    uplink_ = uplink;
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
  uplink.EnqueueUnbounded(Encode(std::move(hello)));
  for (const auto& [channel, held] : held_) {
    if (held.count == 0) continue;
    int64_t count = held.count;
    for (link::v1::Held& part : held.members.Parts(kHeldBytes)) {
      GatewayItem item;
      *item.mutable_held() = std::move(part);
      item.mutable_held()->set_channel(channel);
      if (count > 0 && held.history != nullptr) {
        *item.mutable_held()->mutable_position() = held.history->position();
      }
      item.mutable_held()->set_subscription_count(std::exchange(count, 0));
      uplink.EnqueueUnbounded(Encode(std::move(item)));
    }
  }
  GatewayItem attached;
  attached.mutable_attached();
  uplink.EnqueueUnbounded(Encode(std::move(attached)));
  if (!draining_) return;
  GatewayItem goodbye;
  goodbye.mutable_goodbye();
  uplink.EnqueueUnbounded(Encode(std::move(goodbye)));
}

void Router::LinkDown(absl::string_view why) {
  settled_ = false;
  {
    MutexLock lock(&mu_);
    uplink_ = nullptr;
    Batches batches(shards_.size());
    for (const auto& [number, ticket] : std::exchange(tickets_, {})) {
      Held& held = held_[ticket.channel];
      --held.open_tickets;
      ForgetIfUnused(ticket.channel);
      batches[static_cast<size_t>(ticket.shard)].push_back(
          Refused{number, link::v1::Refused::CODE_UNAVAILABLE, kUnreachable});
    }
    for (const auto& [ticket, shard] : std::exchange(renewals_, {})) {
      Renewed undecided;
      undecided.ticket = ticket;
      batches[static_cast<size_t>(shard)].push_back(std::move(undecided));
    }
    RefuseWaiting(&batches);
    calls_.clear();
    settings_ = nullptr;
    Post(std::move(batches));
  }
  observer_->OnLinkEnded(why);
}

void Router::RefuseWaiting(Batches* batches) {
  std::vector<ChannelHistory::Waiting> all;
  for (auto& [channel, held] : held_) {
    if (held.history == nullptr) continue;
    for (ChannelHistory::Waiting& one : held.history->Abandon()) {
      Count(held, one.shard, -1);
      if (one.confirmed.is_member) {
        held.members.Remove(one.confirmed.user_id, one.confirmed.socket_id);
      }
      all.push_back(std::move(one));
    }
  }
  for (const ChannelHistory::Waiting& one : all) {
    ForgetIfUnused(one.confirmed.channel);
    (*batches)[static_cast<size_t>(one.shard)].push_back(
        Refused{one.confirmed.ticket, link::v1::Refused::CODE_UNAVAILABLE,
                kUnreachable});
  }
}

void Router::CancelWaiting(int64_t ticket, absl::string_view channel) {
  const auto it = held_.find(channel);
  if (it == held_.end() || it->second.history == nullptr) return;
  const std::optional<ChannelHistory::Waiting> waiting =
      it->second.history->Withdraw(ticket);
  if (!waiting.has_value()) return;
  GatewayItem item;
  link::v1::Unsubscribe& end = *item.mutable_unsubscribe();
  end.set_ticket(ticket);
  end.set_channel(std::string(channel));
  if (waiting->confirmed.is_member) {
    end.set_socket_id(waiting->confirmed.socket_id);
    end.set_user_id(waiting->confirmed.user_id);
  }
  Forget(waiting->shard, end);
  Enqueue(std::move(item));
  Batches batches(shards_.size());
  batches[static_cast<size_t>(waiting->shard)].push_back(
      Refused{ticket, link::v1::Refused::CODE_CANCELLED, ""});
  Post(std::move(batches));
}

EncodedMessagePtr Router::SubscribedTo(const std::string& channel, Held& held,
                                       std::optional<bool> recovered) {
  SubscribedMessage answer{channel, nullptr, std::nullopt, recovered};
  if (held.history != nullptr) answer.position = held.history->position();
  if (contract::TypeOfChannel(channel) != contract::ChannelType::kPresence) {
    return ShareMessage(std::move(answer));
  }
  answer.members = held.roster.Snapshot();
  if (held.answer == nullptr) held.answer = std::make_unique<RosterAnswer>();
  return held.answer->Get(std::move(answer));
}

void Router::Count(Held& held, int shard, int64_t delta) {
  held.by_shard.resize(shards_.size());
  int64_t& count = held.by_shard[static_cast<size_t>(shard)];
  count += delta;
  held.count += delta;
  contract::Require(count >= 0);
}

void Router::ForgetIfUnused(const std::string& channel) {
  const auto it = held_.find(channel);
  if (it == held_.end()) return;
  if (it->second.count == 0 && it->second.open_tickets == 0) held_.erase(it);
}

int Router::ShardOf(absl::string_view socket_id) const {
  const std::optional<contract::SocketId> id =
      contract::ParseSocketId(socket_id);
  if (!id || id->gateway != gateway_id_ || shards_.empty()) return -1;
  return static_cast<int>(id->socket % shards_.size());
}

void Router::Enqueue(GatewayItem item) {
  if (uplink_ != nullptr) uplink_->Enqueue(Encode(std::move(item)));
}

bool Router::Send(GatewayItem item) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (uplink_ == nullptr) return false;
    Enqueue(std::move(item));
    uplink = uplink_;
  }
  uplink->Flush();
  return true;
}

void Router::Post(Batches batches) {
  for (size_t shard = 0; shard < batches.size(); ++shard) {
    if (batches[shard].empty()) continue;
    shards_[shard]->Post(std::move(batches[shard]));
  }
}

int64_t Router::Subscribe(int shard, link::v1::Subscribe question,
                          std::optional<v1::Position> recover) {
  UplinkPtr uplink;
  int64_t ticket = 0;
  {
    MutexLock lock(&mu_);
    if (!settled_ || uplink_ == nullptr) return 0;
    ticket = ++last_ticket_;
    question.set_ticket(ticket);
    Ticket open{shard, question.channel(), question.socket_id(), false,
                std::move(recover)};
    GatewayItem item;
    *item.mutable_subscribe() = std::move(question);
    if (!uplink_->TryEnqueue(Encode(std::move(item)),
                             kQuestionOutboxBytesMax)) {
      return 0;
    }
    ++held_[open.channel].open_tickets;
    tickets_[ticket] = std::move(open);
    uplink = uplink_;
  }
  uplink->Flush();
  return ticket;
}

bool Router::Repeat(int shard, const std::string& channel, uint64_t socket,
                    int64_t ticket,
                    const std::optional<v1::Position>& recover) {
  MutexLock lock(&mu_);
  const auto it = held_.find(channel);
  if (it == held_.end()) return false;
  // It has missed nothing since its subscribe, and nothing is said twice.
  const ChannelHistory* const history = it->second.history.get();
  std::optional<bool> recovered;
  if (recover.has_value()) {
    recovered = history != nullptr && history->IsAt(*recover);
  }
  Batches batches(shards_.size());
  batches[static_cast<size_t>(shard)].push_back(SubscribedAgain{
      socket, ticket, SubscribedTo(channel, it->second, recovered)});
  Post(std::move(batches));
  return true;
}

void Router::Cancel(int64_t ticket, const std::string& channel) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    const auto it = tickets_.find(ticket);
    if (it != tickets_.end()) {
      it->second.cancelled = true;
      GatewayItem item;
      item.mutable_cancel()->set_ticket(ticket);
      Enqueue(std::move(item));
    } else {
      CancelWaiting(ticket, channel);
    }
    uplink = uplink_;
  }
  if (uplink != nullptr) uplink->Flush();
}

void Router::Unsubscribe(int shard, link::v1::Unsubscribe subscription) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    Forget(shard, subscription);
    GatewayItem item;
    *item.mutable_unsubscribe() = std::move(subscription);
    Enqueue(std::move(item));
    uplink = uplink_;
  }
  if (uplink != nullptr) uplink->Flush();
}

void Router::Forget(int shard, const link::v1::Unsubscribe& subscription) {
  const auto it = held_.find(subscription.channel());
  contract::Require(it != held_.end());
  Held& held = it->second;
  Count(held, shard, -1);
  if (!subscription.user_id().empty()) {
    held.members.Remove(subscription.user_id(), subscription.socket_id());
  }
  renewals_.erase(subscription.ticket());
  if (held.count == 0 && held.open_tickets == 0) held_.erase(it);
}

bool Router::Leave(int shard, const link::v1::AttachRequest& ends,
                   const std::vector<absl::string_view>& channels) {
  contract::Require(channels.size() == static_cast<size_t>(ends.items_size()));
  std::string chunk = ends.SerializeAsString();
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    uplink = uplink_;
    if (uplink != nullptr &&
        !uplink->TryEnqueue(std::move(chunk), kQuestionOutboxBytesMax)) {
      return false;
    }
    for (size_t i = 0; i < channels.size(); ++i) {
      const GatewayItem& item = ends.items(static_cast<int>(i));
      if (item.has_unsubscribe()) {
        Forget(shard, item.unsubscribe());
        continue;
      }
      const int64_t ticket = item.cancel().ticket();
      const auto it = tickets_.find(ticket);
      if (it != tickets_.end()) {
        it->second.cancelled = true;
      } else {
        CancelWaiting(ticket, channels[i]);
      }
    }
  }
  if (uplink != nullptr) uplink->Flush();
  return true;
}

absl::Status Router::Whisper(link::v1::Whisper whisper) {
  GatewayItem item;
  *item.mutable_whisper() = std::move(whisper);
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (!settled_ || uplink_ == nullptr) {
      return absl::UnavailableError(kUnreachable);
    }
    if (!uplink_->TryEnqueue(Encode(std::move(item)), kWhisperOutboxBytesMax)) {
      return absl::ResourceExhaustedError(
          "too much waits for the service; try again later");
    }
    uplink = uplink_;
  }
  uplink->Flush();
  return absl::OkStatus();
}

void Router::ReportCongestion(const WhisperOrigin& whisper) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    const int shard = ShardOf(whisper.socket_id);
    if (shard >= 0) {
      const uint64_t number =
          contract::ParseSocketId(whisper.socket_id)->socket;
      Batches batches(shards_.size());
      batches[static_cast<size_t>(shard)].push_back(
          Congested{number, whisper.bytes});
      return Post(std::move(batches));
    }
    if (uplink_ == nullptr) return;
    GatewayItem item;
    item.mutable_congestion()->set_socket_id(whisper.socket_id);
    item.mutable_congestion()->set_bytes(whisper.bytes);
    uplink_->TryEnqueue(Encode(std::move(item)), kWhisperOutboxBytesMax);
    uplink = uplink_;
  }
  uplink->Flush();
}

bool Router::Renew(int shard, link::v1::Subscribe question) {
  if (!settled_) return false;
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (uplink_ == nullptr) return false;
    const int64_t ticket = question.ticket();
    GatewayItem item;
    *item.mutable_renew()->mutable_subscribe() = std::move(question);
    if (!uplink_->TryEnqueue(Encode(std::move(item)),
                             kQuestionOutboxBytesMax)) {
      return false;
    }
    renewals_[ticket] = shard;
    uplink = uplink_;
  }
  uplink->Flush();
  return true;
}

void Router::CallDone(link::v1::CallResult result) {
  {
    MutexLock lock(&mu_);
    const auto it = calls_.find(result.call_id());
    if (it != calls_.end()) {
      OpenCall& call = it->second;
      call.disconnected_count += result.disconnected_count();
      if (--call.parts > 0) return;
      result.set_disconnected_count(call.disconnected_count);
      calls_.erase(it);
    }
  }
  if (result.call_id() == 0) return;  // A replay, for which nobody waits.
  GatewayItem item;
  *item.mutable_call_result() = std::move(result);
  Send(std::move(item));
}

void Router::SettingsApplied(const link::v1::Settings& settings) {
  {
    MutexLock lock(&mu_);
    // Others have come meanwhile, perhaps from another service.
    if (settings_.get() != &settings) return;
    if (--settings_waiting_ != 0) return;
  }
  GatewayItem item;
  item.mutable_settings_acknowledged()->set_revision(settings.revision());
  Send(std::move(item));
}

void Router::Report(int64_t client_count) {
  {
    MutexLock lock(&mu_);
    if (uplink_ == nullptr || reported_clients_ == client_count) return;
    reported_clients_ = client_count;
  }
  GatewayItem item;
  item.mutable_report()->set_client_count(client_count);
  Send(std::move(item));
}

void Router::Goodbye() {
  {
    MutexLock lock(&mu_);
    draining_ = true;
  }
  GatewayItem item;
  item.mutable_goodbye();
  Send(std::move(item));
}

}  // namespace herald::gateway
