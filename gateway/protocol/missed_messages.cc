// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/missed_messages.h"

#include <algorithm>
#include <utility>

namespace herald::gateway {

MissedMessages::MissedMessages(std::vector<Numbered> all)
    : all_(std::move(all)), bytes_from_(all_.size() + 1) {
  for (size_t i = all_.size(); i-- > 0;) {
    const ChannelMessage& one = *all_[i].message;
    bytes_from_[i] = bytes_from_[i + 1] + one.message->bytes();
    if (one.except_socket != 0) excepted_.insert(one.except_socket);
  }
}

size_t MissedMessages::FirstBehind(int64_t since) const {
  const auto first = std::upper_bound(
      all_.begin(), all_.end(), since,
      [](int64_t offset, const Numbered& one) { return offset < one.offset; });
  return static_cast<size_t>(first - all_.begin());
}

const MissedMessages::MissedFrames& MissedMessages::FramesFor(
    const Dialect& dialect) const {
  MissedFrames& encoded = by_dialect_[dialect.traits().number];
  encoded.once.Run([&] {
    std::string frames;
    for (const Numbered& one : all_) {
      encoded.begins.push_back(frames.size());
      frames += *one.message->message->For(dialect);
    }
    encoded.frames = std::make_shared<const std::string>(std::move(frames));
  });
  return encoded;
}

MissedMessages::Part MissedMessages::For(const Dialect& dialect, int64_t since,
                                         uint64_t socket) const {
  const size_t first = FirstBehind(since);
  if (first == all_.size()) return {};
  if (!excepted_.contains(socket)) {
    const MissedFrames& encoded = FramesFor(dialect);
    return {encoded.frames, encoded.begins[first]};
  }
  std::string own;
  for (size_t i = first; i < all_.size(); ++i) {
    if (all_[i].message->except_socket == socket) continue;
    own += *all_[i].message->message->For(dialect);
  }
  if (own.empty()) return {};
  return {std::make_shared<const std::string>(std::move(own)), 0};
}

int64_t MissedMessages::BytesSince(int64_t since) const {
  return bytes_from_[FirstBehind(since)];
}

}  // namespace herald::gateway
