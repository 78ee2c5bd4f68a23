// SPDX-License-Identifier: Apache-2.0
//
// Where channels with history are, and how a socket that returns gets what it
// has missed before anything new (channel_history.h).

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "gateway/router/router.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

using Waiting = ChannelHistory::Waiting;

// What was missed, for all who were parked: one piece of bytes, of which each
// socket gets the end that follows its position.
class Missed {
 public:
  explicit Missed(const std::deque<ChannelHistory::Kept>& kept) : kept_(kept) {
    std::string all;
    for (const ChannelHistory::Kept& one : kept) {
      begins_.push_back(all.size());
      all += *one.frame->frame;
      if (one.frame->except_socket != 0) {
        excepted_.insert(one.frame->except_socket);
      }
    }
    all_ = std::make_shared<const std::string>(std::move(all));
  }

  void GiveTo(Waiting& waiting) const {
    const auto first = std::upper_bound(
        kept_.begin(), kept_.end(), waiting.since,
        [](int64_t since, const auto& one) { return since < one.offset; });
    if (first == kept_.end()) return;
    const std::optional<contract::SocketId> id =
        contract::ParseSocketId(waiting.confirmed.socket_id);
    if (id.has_value() && excepted_.contains(id->socket)) {
      std::string own;
      for (auto one = first; one != kept_.end(); ++one) {
        if (one->frame->except_socket != id->socket) own += *one->frame->frame;
      }
      if (own.empty()) return;
      waiting.confirmed.missed =
          std::make_shared<const std::string>(std::move(own));
      return;
    }
    waiting.confirmed.missed = all_;
    waiting.confirmed.missed_from =
        begins_[static_cast<size_t>(first - kept_.begin())];
  }

 private:
  const std::deque<ChannelHistory::Kept>& kept_;
  std::vector<size_t> begins_;  // Of each one in `all_`.
  FrameBytes all_;
  absl::flat_hash_set<uint64_t> excepted_;  // Sockets that do not get it all.
};

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
  confirmed.subscribed = SubscribedFrame(channel, held, recovered);
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
    std::deque<ChannelHistory::Kept> kept;
    std::vector<Waiting> served = history.TakeServed(&kept);
    const FrameBytes recovered = SubscribedFrame(channel, held, true);
    const FrameBytes lost = SubscribedFrame(channel, held, false);
    const Missed missed(kept);
    const int64_t first =
        kept.empty() ? history.position().offset() + 1 : kept.front().offset;
    for (Waiting& one : served) {
      // More may have been said since it asked for the latest.
      if (one.WantsLatest()) {
        one.since = history.position().offset() - 1;
      }
      if (one.since >= first - 1) {
        missed.GiveTo(one);
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
  const FrameBytes lost = SubscribedFrame(channel, held, false);
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
  ToSubscribers(held, {channel, SubscribedFrame(channel, held, recovered)},
                batches);
}

}  // namespace herald::gateway
