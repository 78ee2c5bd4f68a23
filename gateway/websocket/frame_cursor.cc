// SPDX-License-Identifier: Apache-2.0

#include "gateway/websocket/frame_cursor.h"

#include <algorithm>

namespace herald::gateway {
namespace {

constexpr unsigned kFinal = 0x80;
constexpr unsigned kControl = 0x08;
constexpr unsigned kMasked = 0x80;
constexpr unsigned kLength = 0x7F;
constexpr size_t kMaskBytes = 4;

// The size of the extended length, behind the first two bytes.
size_t LengthBytes(unsigned length) {
  return length == 126 ? 2 : length == 127 ? 8 : 0;
}

}  // namespace

size_t FrameCursor::HeadSize() const {
  if (head_bytes_ < 2) return 2;
  return 2 + LengthBytes(head_[1] & kLength) +
         ((head_[1] & kMasked) != 0 ? kMaskBytes : 0);
}

uint64_t FrameCursor::PayloadSize() const {
  const unsigned length = head_[1] & kLength;
  const size_t bytes = LengthBytes(length);
  if (bytes == 0) return length;
  uint64_t size = 0;
  for (size_t i = 0; i < bytes; ++i) size = size << 8 | head_[2 + i];
  return size;
}

bool FrameCursor::Move(absl::string_view bytes) {
  bool has_ended = false;
  while (!bytes.empty()) {
    if (payload_left_ > 0) {
      const auto size =
          static_cast<size_t>(std::min<uint64_t>(payload_left_, bytes.size()));
      bytes.remove_prefix(size);
      payload_left_ -= size;
    } else {
      head_[head_bytes_++] = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      if (head_bytes_ < HeadSize()) continue;
      payload_left_ = PayloadSize();
    }
    if (payload_left_ > 0) continue;
    EndFrame();
    has_ended |= !in_message();
  }
  return has_ended;
}

void FrameCursor::EndFrame() {
  head_bytes_ = 0;
  if ((head_[0] & kControl) != 0) return;
  in_fragments_ = (head_[0] & kFinal) == 0;
  if (in_fragments_) ++fragments_;
}

}  // namespace herald::gateway
