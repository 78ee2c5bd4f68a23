// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/outbox.h"

#include <utility>

#include "proto/contract/require.h"

namespace herald::gateway {

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
