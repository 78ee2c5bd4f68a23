// SPDX-License-Identifier: Apache-2.0

#include "gateway/socket/outbox.h"

#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "proto/contract/channel_key.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using Kind = Droppable::Kind;

// Which of the frames that wait are dropped before `next` is appended.
struct Drops {
  Drops(absl::Span<const Frame> waiting, const Frame& next);

  // Whether a frame is dropped that came before the channel's latest event.
  bool IsLost(const Droppable* event) const {
    if (event == nullptr || event->lost == nullptr) return false;
    const auto it = lost.find(event->channel);
    return it != lost.end() && it->second;
  }

  std::vector<bool> drops;  // One for each that waits.
  int64_t events = 0;       // How many of them are events.
  // By channels whose latest event is known.
  absl::flat_hash_map<contract::ChannelKeyView, bool> lost;
};

Drops::Drops(absl::Span<const Frame> waiting, const Frame& next)
    : drops(waiting.size()) {
  const auto is_event = [](const Droppable* one) {
    return one != nullptr && one->kind == Kind::kEvent;
  };
  if (is_event(next.droppable())) lost[next.droppable()->channel] = false;
  // From the back: the first event of a channel that this meets is its latest,
  // unless `next` is one of the same channel.
  for (size_t i = waiting.size(); i-- > 0;) {
    const Droppable* const one = waiting[i].droppable();
    if (one == nullptr) continue;
    const auto latest = lost.find(one->channel);
    if (is_event(one) && latest == lost.end()) {
      lost[one->channel] = false;
      continue;
    }
    // One notice before the latest event stands for all that is dropped here,
    // earlier notices included.
    drops[i] = true;
    if (one->kind != Kind::kPosition) ++events;
    if (one->kind != Kind::kWhisper && latest != lost.end()) {
      latest->second = true;
    }
  }
}

}  // namespace

bool Outbox::Push(Frame frame, size_t bytes_max, size_t written) {
  contract::Require(written == 0 || (empty() && written < frame.size()));
  if (!HasRoomFor(frame.size(), bytes_max)) return false;
  PushUnbounded(std::move(frame));
  if (written > 0) {
    written_bytes_ = written;
    size_bytes_ -= written;
  }
  return true;
}

Outbox::Dropped Outbox::PushOverLatest(const Frame& frame, size_t bytes_max,
                                       size_t* mark) {
  // A frame that has begun to leave always stays.
  const size_t begin = first_ + (written_bytes_ > 0 ? 1 : 0);
  const Drops drops(absl::MakeConstSpan(frames_).subspan(begin), frame);
  std::vector<Frame> kept;
  size_t end = 0;  // Of the old frame, as the mark counts.
  const size_t old_mark = *mark;
  for (size_t i = first_; i < frames_.size(); ++i) {
    Frame& old = frames_[i];
    end += old.size() - (i == first_ ? written_bytes_ : 0);
    const bool is_marked = end <= old_mark;
    if (i >= begin && drops.drops[i - begin]) {
      size_bytes_ -= old.size();
      if (is_marked) *mark -= old.size();
      continue;
    }
    // The notice has to precede the event that is left, because it shows the
    // position before that
    // (AnOutbox.ReportsALossBeforeTheLatestEventOfAHistory).
    if (i >= begin && drops.IsLost(old.droppable())) {
      Frame position = old.LostBefore();
      size_bytes_ += position.size();
      if (is_marked) *mark += position.size();
      if (position.size() > 0) kept.push_back(std::move(position));
    }
    kept.push_back(std::move(old));
  }
  // Before frames go, for their channels are keys there.
  const bool next_is_lost = drops.IsLost(frame.droppable());
  frames_ = std::move(kept);
  first_ = 0;
  Dropped dropped{HasRoomFor(frame.size() + bytes_max / 8, bytes_max),
                  drops.events};
  const Droppable* const next = frame.droppable();
  if (dropped.taken) {
    if (next_is_lost) {
      Frame position = frame.LostBefore();
      if (position.size() > 0) PushUnbounded(std::move(position));
    }
    PushUnbounded(frame);
  } else if (next != nullptr && next->kind == Kind::kWhisper) {
    dropped.taken = true;
    ++dropped.events;
  }
  return dropped;
}

void Outbox::PushUnbounded(Frame frame) {
  size_bytes_ += frame.size();
  frames_.push_back(std::move(frame));
}

size_t Outbox::Gather(absl::Span<iovec> parts) const {
  size_t used = 0;
  size_t skip = written_bytes_;
  for (size_t i = first_; i < frames_.size() && used < parts.size(); ++i) {
    const absl::string_view bytes = frames_[i].bytes().substr(skip);
    // writev(2) takes what it only reads as void*.
    parts[used++] = {const_cast<char*>(bytes.data()), bytes.size()};
    skip = 0;
  }
  return used;
}

void Outbox::Advance(size_t bytes) {
  contract::Require(bytes <= size_bytes_);
  size_bytes_ -= bytes;
  bytes += written_bytes_;
  while (first_ < frames_.size() && bytes >= frames_[first_].size()) {
    bytes -= frames_[first_].size();
    // Released here and not in Compact(): other sockets may have written it
    // long ago.
    frames_[first_] = Frame();
    ++first_;
  }
  written_bytes_ = bytes;
  Compact();
}

void Outbox::Clear() {
  const size_t kept = written_bytes_ > 0 ? 1 : 0;
  frames_.resize(first_ + kept);
  size_bytes_ = kept == 0 ? 0 : frames_[first_].size() - written_bytes_;
  Compact();
}

void Outbox::Compact() {
  if (first_ == frames_.size()) {
    // Idle sockets are many: give the memory back, but for a handful of slots
    // that would only be asked for again.
    constexpr size_t kKeptFrames = 8;
    first_ = 0;
    frames_.clear();
    if (frames_.capacity() > kKeptFrames) std::vector<Frame>().swap(frames_);
  } else if (first_ > frames_.size() / 2) {
    frames_.erase(frames_.begin(),
                  frames_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

}  // namespace herald::gateway
