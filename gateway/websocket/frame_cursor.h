// SPDX-License-Identifier: Apache-2.0
//
// The position in a client's stream of frames (RFC 6455 section 5.2): between
// two messages, or within one. The cursor reads headers and skips payloads. It
// does not validate them; Beast does, and ends the connection on an error.

#ifndef HERALD_GATEWAY_WEBSOCKET_FRAME_CURSOR_H_
#define HERALD_GATEWAY_WEBSOCKET_FRAME_CURSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/string_view.h"

namespace herald::gateway {

class FrameCursor {
 public:
  // Moves over received bytes. Returns true if a message ended in `bytes`, or a
  // control frame between two messages. An open message then began within
  // `bytes`.
  bool Move(absl::string_view bytes);

  // The fragments that have ended since the last call, without those that ended
  // their message.
  int64_t TakeFragments() { return std::exchange(fragments_, 0); }

  // True if a frame, or a fragmented message, has begun and not ended.
  bool in_message() const { return head_bytes_ > 0 || in_fragments_; }

 private:
  size_t HeadSize() const;
  uint64_t PayloadSize() const;
  void EndFrame();

  std::array<unsigned char, 14> head_ = {};
  size_t head_bytes_ = 0;      // Of the open frame's head.
  uint64_t payload_left_ = 0;  // Of the open frame, once its head is complete.
  bool in_fragments_ = false;
  int64_t fragments_ = 0;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_WEBSOCKET_FRAME_CURSOR_H_
