// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/history_tracker.h"

#include <memory>
#include <utility>

#include "gateway/router/router_state.h"

namespace herald::gateway {

void HistoryTracker::Confirm(contract::ChannelKeyView channel,
                             HeldChannel& held, WaitingSubscribe waiting,
                             Batches* batches) {
  Confirmed& confirmed = waiting.confirmed;
  std::optional<bool> recovered;
  if (waiting.recover.has_value()) {
    // No offset: the position is of another epoch or ahead of the channel, so
    // no answer of the service could fill the gap. It is a loss without a
    // question.
    const std::optional<int64_t> since =
        held.history == nullptr ? std::nullopt
                                : held.history->Find(*waiting.recover);
    recovered =
        since.has_value() && *since == held.history->position().offset();
    if (since.has_value() && !*recovered) {
      waiting.since = *since;
      held.history->Park(std::move(waiting));
      return Settle(channel, held, batches);
    }
    confirmed.asked_to_recover = true;
  }
  confirmed.subscribed = HeldChannels::Answer(channel, held, recovered);
  if (recovered == true) confirmed.recovered = confirmed.subscribed;
  batches->Add(waiting.shard, std::move(confirmed));
}

void HistoryTracker::OnRecovery(const link::v1::Recovery& recovery,
                                Batches* batches) {
  const auto channel = contract::ChannelKeyView::FromText(recovery.channel());
  HeldChannel* const known = state_->held.Find(channel);
  if (known == nullptr || known->history == nullptr) return;
  HeldChannel& held = *known;
  ChannelHistory& history = *held.history;
  if (recovery.available()) {
    if (!history.Begin(recovery.since(), recovery.until())) return;
    if (history.IsComplete()) Settle(channel, held, batches);
    return;
  }
  std::vector<WaitingSubscribe> lost =
      history.Refuse(recovery.since(), recovery.available_since());
  // Subscribers first, then the held-back sockets, as in OnNewPosition().
  if (history.PassOverGap()) {
    SendPosition(channel, held, /*lost=*/true, batches);
  }
  AnswerLost(channel, held, std::move(lost), batches);
  Settle(channel, held, batches);
}

void HistoryTracker::OnNewPosition(const link::v1::NewPosition& position,
                                   Batches* batches) {
  const auto channel = contract::ChannelKeyView::FromText(position.channel());
  HeldChannel* const known = state_->held.Find(channel);
  if (known == nullptr || known->count == 0) return;
  HeldChannel& held = *known;
  std::vector<WaitingSubscribe> waiting;
  bool lost = position.lost();
  if (held.history != nullptr) {
    lost |= held.history->HasGap();
    waiting = held.history->Abandon();
  }
  held.history = HistoryAt(position.position());
  // Before the held-back sockets are subscribers: they receive the position
  // with their answer.
  SendPosition(channel, held, lost, batches);
  AnswerLost(channel, held, std::move(waiting), batches);
}

void HistoryTracker::Settle(contract::ChannelKeyView channel, HeldChannel& held,
                            Batches* batches) {
  ChannelHistory& history = *held.history;
  if (history.IsComplete()) Serve(channel, held, batches);
  std::optional<v1::Position> since = history.Ask();
  if (!since.has_value()) return;
  link::v1::GatewayItem item;
  item.mutable_recover()->set_channel(channel.Text());
  // A gap must be filled whole, for all subscribers. For sockets that recover,
  // more bytes than a socket takes are of no use. A chunk of the link may have
  // more bytes than its frame.
  if (!history.HasGap()) {
    item.mutable_recover()->set_bytes_max(2 * state_->missed_bytes_max);
  }
  *item.mutable_recover()->mutable_since() = *std::move(since);
  state_->Enqueue(std::move(item));
}

void HistoryTracker::Serve(contract::ChannelKeyView channel, HeldChannel& held,
                           Batches* batches) {
  ChannelHistory& history = *held.history;
  std::vector<ChannelHistory::KeptMessage> kept;
  std::vector<WaitingSubscribe> served = history.TakeServed(&kept);
  // Both answers are passed on. Only the loop knows whether the missed events
  // fit into the socket's outbox (Session::Answer()).
  const EncodedMessagePtr recovered = HeldChannels::Answer(channel, held, true);
  const EncodedMessagePtr lost = HeldChannels::Answer(channel, held, false);
  const int64_t first =
      kept.empty() ? history.position().offset() + 1 : kept.front().offset;
  const auto missed = std::make_shared<const MissedMessages>(std::move(kept));
  for (WaitingSubscribe& one : served) {
    // More events may have followed since the question for the latest one.
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
    batches->Add(one.shard, std::move(one.confirmed));
  }
}

void HistoryTracker::AnswerLost(contract::ChannelKeyView channel,
                                HeldChannel& held,
                                std::vector<WaitingSubscribe> waiting,
                                Batches* batches) {
  if (waiting.empty()) return;
  const EncodedMessagePtr lost = HeldChannels::Answer(channel, held, false);
  for (WaitingSubscribe& one : waiting) {
    one.confirmed.subscribed = lost;
    one.confirmed.asked_to_recover = true;
    batches->Add(one.shard, std::move(one.confirmed));
  }
}

void HistoryTracker::SendPosition(contract::ChannelKeyView channel,
                                  HeldChannel& held, bool lost,
                                  Batches* batches) {
  std::optional<bool> recovered;
  if (lost) recovered = false;
  HeldChannels::Deliver(held,
                        {contract::ChannelKey(channel),
                         HeldChannels::Answer(channel, held, recovered)},
                        batches);
}

bool HistoryTracker::Wants(contract::ChannelKeyView channel, HeldChannel& held,
                           int64_t offset, Batches* batches) {
  ChannelHistory& history = *held.history;
  if (history.Wants(offset)) return true;
  if (history.Skip(offset)) {
    state_->observer->OnGap();
    Settle(channel, held, batches);
  }
  return false;
}

void HistoryTracker::Take(contract::ChannelKeyView channel, HeldChannel& held,
                          int64_t offset, const ChannelMessagePtr& message,
                          Batches* batches) {
  ChannelHistory& history = *held.history;
  if (history.Take(offset, message, state_->missed_bytes_max)) {
    HeldChannels::Deliver(held, message, batches);
  }
  // After the delivery: the sockets that this serves get the publication among
  // the missed ones. If they were subscribers before the delivery, they would
  // get it twice.
  if (history.IsComplete()) Settle(channel, held, batches);
}

void HistoryTracker::Cancel(int64_t ticket, contract::ChannelKeyView channel,
                            Batches* batches) {
  HeldChannel* const held = state_->held.Find(channel);
  if (held == nullptr || held->history == nullptr) return;
  const std::optional<WaitingSubscribe> waiting =
      held->history->Withdraw(ticket);
  if (!waiting.has_value()) return;
  link::v1::Unsubscribe end = EndOf(waiting->confirmed);
  state_->held.Forget(waiting->shard, end);
  state_->renewals.erase(ticket);
  state_->EnqueueCrossed(std::move(end));
  batches->Add(waiting->shard,
               Refused{ticket, link::v1::Refused::CODE_CANCELLED, ""});
}

void HistoryTracker::RefuseAll(Batches* batches) {
  std::vector<WaitingSubscribe> all;
  for (auto& [channel, held] : state_->held.all()) {
    if (held.history == nullptr) continue;
    for (WaitingSubscribe& one : held.history->Abandon())
      all.push_back(std::move(one));
  }
  // After the loop: the last subscription of a channel deletes the channel.
  for (const WaitingSubscribe& one : all) {
    state_->held.Forget(one.shard, EndOf(one.confirmed));
    batches->Add(one.shard,
                 Refused{one.confirmed.ticket,
                         link::v1::Refused::CODE_UNAVAILABLE, kUnreachable});
  }
}

}  // namespace herald::gateway
