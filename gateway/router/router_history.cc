// SPDX-License-Identifier: Apache-2.0
//
// Where channels with history are, and how a socket that returns gets what it
// has missed before anything new (channel_history.h).

#include <optional>
#include <utility>

#include "gateway/router/router.h"

namespace herald::gateway {
namespace {

using Waiting = ChannelHistory::Waiting;

}  // namespace

void Router::Confirm(const std::string& channel, Held& held, Waiting waiting,
                     Batches* batches) {
  Confirmed& confirmed = waiting.confirmed;
  std::optional<bool> recovered;
  if (waiting.recover.has_value()) {
    const std::optional<int64_t> since =
        held.history == nullptr ? std::nullopt
                                : held.history->Find(*waiting.recover);
    recovered =
        since.has_value() && *since == held.history->position().offset();
    if (since.has_value() && !*recovered) {
      waiting.since = *since;
      held.history->Park(std::move(waiting));
      return SettleHistory(channel, held, batches);
    }
    confirmed.asked_to_recover = true;
  }
  confirmed.subscribed = SubscribedTo(channel, held, recovered);
  if (recovered == true) confirmed.recovered = confirmed.subscribed;
  (*batches)[static_cast<size_t>(waiting.shard)].push_back(
      std::move(confirmed));
}

void Router::OnRecovery(const link::v1::Recovery& recovery, Batches* batches) {
  const auto it = held_.find(recovery.channel());
  if (it == held_.end() || it->second.history == nullptr) return;
  Held& held = it->second;
  ChannelHistory& history = *held.history;
  if (recovery.available()) {
    if (!history.Begin(recovery.since(), recovery.until())) return;
    if (history.IsComplete()) SettleHistory(recovery.channel(), held, batches);
    return;
  }
  std::vector<Waiting> lost =
      history.Refuse(recovery.since(), recovery.available_since());
  if (history.PassOverGap()) {
    TellPosition(recovery.channel(), held, /*lost=*/true, batches);
  }
  AnswerLost(recovery.channel(), held, std::move(lost), batches);
  SettleHistory(recovery.channel(), held, batches);
}

void Router::OnNewPosition(const link::v1::NewPosition& place,
                           Batches* batches) {
  const auto it = held_.find(place.channel());
  if (it == held_.end() || it->second.count == 0) return;
  Held& held = it->second;
  std::vector<Waiting> waiting;
  bool lost = place.lost();
  if (held.history != nullptr) {
    lost |= held.history->HasGap();
    waiting = held.history->Abandon();
  }
  held.history = HistoryAt(place.position());
  // Told before those who wait are subscribers, for they are told it with their
  // answer.
  TellPosition(place.channel(), held, lost, batches);
  AnswerLost(place.channel(), held, std::move(waiting), batches);
}

void Router::SettleHistory(const std::string& channel, Held& held,
                           Batches* batches) {
  ChannelHistory& history = *held.history;
  if (history.IsComplete()) {
    std::vector<ChannelHistory::Kept> kept;
    std::vector<Waiting> served = history.TakeServed(&kept);
    const EncodedMessagePtr recovered = SubscribedTo(channel, held, true);
    const EncodedMessagePtr lost = SubscribedTo(channel, held, false);
    const int64_t first =
        kept.empty() ? history.position().offset() + 1 : kept.front().offset;
    const auto missed = std::make_shared<const MissedMessages>(std::move(kept));
    for (Waiting& one : served) {
      // More may have been said since it asked for the latest.
      if (one.WantsLatest()) {
        one.since = history.position().offset() - 1;
      }
      if (one.since >= first - 1) {
        one.confirmed.missed = missed;
        one.confirmed.since = one.since;
        one.confirmed.recovered = recovered;
      }
      one.confirmed.subscribed = lost;
      one.confirmed.asked_to_recover = true;
      (*batches)[static_cast<size_t>(one.shard)].push_back(
          std::move(one.confirmed));
    }
  }
  std::optional<v1::Position> since = history.Ask();
  if (!since.has_value()) return;
  link::v1::GatewayItem item;
  item.mutable_recover()->set_channel(channel);
  // A gap is filled for all; what a socket has missed is of no use beyond what
  // it takes. A chunk of the link may have more bytes than its frame.
  if (!history.HasGap()) {
    item.mutable_recover()->set_bytes_max(2 * missed_bytes_max_);
  }
  *item.mutable_recover()->mutable_since() = *std::move(since);
  Enqueue(std::move(item));
}

void Router::AnswerLost(const std::string& channel, Held& held,
                        std::vector<Waiting> waiting, Batches* batches) {
  if (waiting.empty()) return;
  const EncodedMessagePtr lost = SubscribedTo(channel, held, false);
  for (Waiting& one : waiting) {
    one.confirmed.subscribed = lost;
    one.confirmed.asked_to_recover = true;
    (*batches)[static_cast<size_t>(one.shard)].push_back(
        std::move(one.confirmed));
  }
}

void Router::TellPosition(const std::string& channel, Held& held, bool lost,
                          Batches* batches) {
  std::optional<bool> recovered;
  if (lost) recovered = false;
  ToSubscribers(held, {channel, SubscribedTo(channel, held, recovered)},
                batches);
}

}  // namespace herald::gateway
