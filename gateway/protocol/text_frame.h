// SPDX-License-Identifier: Apache-2.0
//
// WebSocket text messages as bytes. A server's frames are not masked (RFC 6455
// section 5.1), so all sockets receive the same bytes. They are encoded once,
// shared, and never changed.

#ifndef HERALD_GATEWAY_PROTOCOL_TEXT_FRAME_H_
#define HERALD_GATEWAY_PROTOCOL_TEXT_FRAME_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace herald::gateway {

// Complete frames, in order; possibly none. Threads: any.
using FrameBytes = std::shared_ptr<const std::string>;

// Appends a final text frame (RFC 6455 section 5.2) around `payload`.
void AppendTextFrame(absl::string_view payload, std::string* out);

// The payload of a frame of AppendTextFrame().
absl::string_view PayloadOf(absl::string_view frame);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_TEXT_FRAME_H_
