// SPDX-License-Identifier: Apache-2.0
//
// Where a client is in its stream of frames (RFC 6455 section 5.2): between two
// messages, or within one. It reads headers and passes over payloads; whether
// they are valid is for Beast, which ends the connection if not.

#ifndef HERALD_GATEWAY_NET_FRAME_CURSOR_H_
#define HERALD_GATEWAY_NET_FRAME_CURSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace herald::gateway {

class FrameCursor {
 public:
  // Moves over what was received. True if a message ended on the way, or a
  // control frame between two: what has begun then began within `bytes`.
  bool Move(absl::string_view bytes);

  // A frame, or a message in fragments, has begun and not ended.
  bool in_message() const { return head_bytes_ > 0 || in_fragments_; }

 private:
  size_t HeadSize() const;
  uint64_t PayloadSize() const;
  void EndFrame();

  std::array<unsigned char, 14> head_ = {};
  size_t head_bytes_ = 0;      // Of the frame that has begun.
  uint64_t payload_left_ = 0;  // Of that frame, when its head is whole.
  bool in_fragments_ = false;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_FRAME_CURSOR_H_
