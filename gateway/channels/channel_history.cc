// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/channel_history.h"

#include <algorithm>
#include <iterator>

#include "proto/contract/require.h"

namespace herald::gateway {

using Order = contract::SequenceTracker::Order;

bool ChannelHistory::IsAt(const v1::Position& position) const {
  return position.epoch() == position_.epoch() &&
         position.offset() == position_.offset();
}

std::optional<int64_t> ChannelHistory::Find(const v1::Position& recover) const {
  const int64_t now = position_.offset();
  if (recover.epoch().empty() && recover.offset() == 0) {
    if (now == 0) return std::nullopt;
    return now - 1;
  }
  if (recover.epoch() != position_.epoch() || recover.offset() > now) {
    return std::nullopt;
  }
  return recover.offset();
}

std::optional<v1::Position> ChannelHistory::Ask() {
  if (offsets_.IsAsking() || (waiting_.empty() && !HasGap())) {
    return std::nullopt;
  }
  asked_latest_ = !HasGap();
  int64_t from = offsets_.last();
  // One question for all, from the oldest position: ten thousand sockets may
  // return to a channel in one instant.
  for (WaitingSubscribe& one : waiting_) {
    one.is_asked = true;
    if (one.WantsLatest()) continue;
    asked_latest_ = false;
    from = std::min(from, one.since);
  }
  offsets_.Ask(from);
  v1::Position since;
  if (asked_latest_) return since;
  since.set_epoch(position_.epoch());
  since.set_offset(from);
  return since;
}

std::optional<ChannelHistory::WaitingSubscribe> ChannelHistory::Withdraw(
    int64_t ticket) {
  // A requested answer cannot be stopped, so its socket stays and pays for it
  // (ARouterWithHistory.ChargesASocketForARecoveryThatItCancels).
  const auto it = std::find_if(
      waiting_.begin(), waiting_.end(), [&](const WaitingSubscribe& one) {
        return one.confirmed.ticket == ticket && !one.is_asked;
      });
  if (it == waiting_.end()) return std::nullopt;
  std::optional<WaitingSubscribe> withdrawn = std::move(*it);
  waiting_.erase(it);
  return withdrawn;
}

bool ChannelHistory::IsAnswer(const v1::Position& since) const {
  // An answer to a question that a new epoch has ended may still arrive.
  if (!offsets_.IsAsking()) return false;
  if (asked_latest_ && since.epoch().empty()) return true;
  return since.epoch() == position_.epoch() &&
         (asked_latest_ || since.offset() == offsets_.asked_since());
}

bool ChannelHistory::Begin(const v1::Position& since, int64_t until) {
  if (!IsAnswer(since)) return false;
  // For the latest event only, the service decides where the answer begins.
  offsets_.set_asked_since(since.offset());
  next_ = since.offset() + 1;
  until_ = until;
  return true;
}

std::vector<ChannelHistory::WaitingSubscribe> ChannelHistory::Refuse(
    const v1::Position& since, int64_t available) {
  if (!IsAnswer(since)) return {};
  if (asked_latest_) {
    offsets_.Withdraw();
    return TakeWaiting(
        [](const WaitingSubscribe& one) { return !one.WantsLatest(); });
  }
  // All sockets that are too far behind are refused together. When a refusal
  // was for one position, each further position cost a round trip.
  const int64_t refused = std::max(offsets_.asked_since(), available - 1);
  offsets_.EndRefusal(refused);
  return TakeWaiting([&](const WaitingSubscribe& one) {
    return one.WantsLatest() || one.since > refused;
  });
}

bool ChannelHistory::Wants(int64_t offset) const {
  return offsets_.OrderOf(offset) == Order::kNext ||
         (until_ >= 0 && offset == next_ && offset <= until_);
}

bool ChannelHistory::Take(int64_t offset, ChannelMessagePtr message,
                          int64_t bytes_max) {
  if (until_ >= 0 && offset == next_ && offset <= until_) {
    kept_bytes_ += message->message->bytes();
    kept_.push_back({offset, std::move(message)});
    ++next_;
    for (; kept_bytes_ > bytes_max; kept_.pop_front()) {
      kept_bytes_ -= kept_.front().message->message->bytes();
    }
  }
  // The question was for the latest event, so earlier ones were not requested.
  if (offsets_.OrderOf(offset) == Order::kBehindGap) Skip(offset);
  if (offsets_.OrderOf(offset) != Order::kNext) return false;
  offsets_.Advance();
  position_.set_offset(offset);
  return true;
}

std::vector<ChannelHistory::WaitingSubscribe> ChannelHistory::TakeServed(
    std::vector<KeptMessage>* kept) {
  contract::Require(IsComplete());
  const int64_t since = offsets_.asked_since();
  offsets_.EndAnswer();
  const bool has_latest = until_ > since && !HasGap();
  until_ = -1;
  kept->assign(std::make_move_iterator(kept_.begin()),
               std::make_move_iterator(kept_.end()));
  kept_.clear();
  kept_bytes_ = 0;
  // The others stay for the next question: they were parked while this one was
  // open, from an earlier position, or the latest event that they want was not
  // in the answer.
  return TakeWaiting([&](const WaitingSubscribe& one) {
    return one.WantsLatest() ? !has_latest : one.since < since;
  });
}

bool ChannelHistory::PassOverGap() {
  if (!offsets_.PassOverGap()) return false;
  position_.set_offset(offsets_.last());
  return true;
}

std::vector<ChannelHistory::WaitingSubscribe> ChannelHistory::Abandon() {
  offsets_.Abandon();
  until_ = -1;
  kept_.clear();
  kept_bytes_ = 0;
  return std::exchange(waiting_, {});
}

std::vector<ChannelHistory::WaitingSubscribe> ChannelHistory::TakeWaiting(
    absl::FunctionRef<bool(const WaitingSubscribe&)> stays) {
  const auto taken =
      std::stable_partition(waiting_.begin(), waiting_.end(), stays);
  std::vector<WaitingSubscribe> out(std::make_move_iterator(taken),
                                    std::make_move_iterator(waiting_.end()));
  waiting_.erase(taken, waiting_.end());
  return out;
}

}  // namespace herald::gateway
