// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/channel_history.h"

#include <algorithm>
#include <iterator>

#include "proto/contract/require.h"

namespace herald::gateway {

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

std::optional<int64_t> ChannelHistory::Ask() {
  if (asked_ || (waiting_.empty() && !HasGap())) return std::nullopt;
  asked_ = true;
  asked_since_ = position_.offset();
  for (const Waiting& one : waiting_) {
    asked_since_ = std::min(asked_since_, one.since);
  }
  return asked_since_;
}

bool ChannelHistory::Begin(const v1::Position& since, int64_t until) {
  if (!asked_ || since.epoch() != position_.epoch() ||
      since.offset() != asked_since_) {
    return false;
  }
  next_ = asked_since_ + 1;
  until_ = until;
  return true;
}

std::vector<ChannelHistory::Waiting> ChannelHistory::Refuse(
    const v1::Position& since, int64_t available) {
  if (!asked_ || since.epoch() != position_.epoch() ||
      since.offset() != asked_since_) {
    return {};
  }
  asked_ = false;
  const int64_t refused = std::max(asked_since_, available - 1);
  gap_refused_ = HasGap() && refused >= position_.offset();
  return TakeWaiting(/*behind=*/true, refused);
}

bool ChannelHistory::Wants(int64_t offset) const {
  return offset == position_.offset() + 1 ||
         (until_ >= 0 && offset == next_ && offset <= until_);
}

bool ChannelHistory::Take(int64_t offset, FramePtr frame, int64_t bytes_max) {
  const auto bytes_of = [](const FramePtr& one) {
    return static_cast<int64_t>(one->frame->size());
  };
  if (until_ >= 0 && offset == next_ && offset <= until_) {
    kept_bytes_ += bytes_of(frame);
    kept_.push_back({offset, std::move(frame)});
    ++next_;
    for (; kept_bytes_ > bytes_max; kept_.pop_front()) {
      kept_bytes_ -= bytes_of(kept_.front().frame);
    }
  }
  if (offset != position_.offset() + 1) return false;
  position_.set_offset(offset);
  return true;
}

bool ChannelHistory::Skip(int64_t offset) {
  if (offset <= position_.offset()) return false;
  const bool opens = !HasGap();
  skipped_to_ = std::max(skipped_to_, offset);
  return opens;
}

std::vector<ChannelHistory::Waiting> ChannelHistory::TakeServed(
    std::deque<Kept>* kept) {
  contract::Require(IsComplete());
  asked_ = false;
  until_ = -1;
  if (skipped_to_ <= position_.offset()) skipped_to_ = 0;
  *kept = std::exchange(kept_, {});
  kept_bytes_ = 0;
  return TakeWaiting(/*behind=*/false, asked_since_);
}

bool ChannelHistory::PassOverGap() {
  if (!std::exchange(gap_refused_, false)) return false;
  position_.set_offset(std::exchange(skipped_to_, 0));
  return true;
}

std::vector<ChannelHistory::Waiting> ChannelHistory::Abandon() {
  asked_ = false;
  until_ = -1;
  skipped_to_ = 0;
  kept_.clear();
  kept_bytes_ = 0;
  return std::exchange(waiting_, {});
}

std::vector<ChannelHistory::Waiting> ChannelHistory::TakeWaiting(
    bool behind, int64_t offset) {
  const auto stays = [&](const Waiting& one) {
    return behind ? one.since > offset : one.since < offset;
  };
  const auto taken =
      std::stable_partition(waiting_.begin(), waiting_.end(), stays);
  std::vector<Waiting> out(std::make_move_iterator(taken),
                           std::make_move_iterator(waiting_.end()));
  waiting_.erase(taken, waiting_.end());
  return out;
}

}  // namespace herald::gateway
