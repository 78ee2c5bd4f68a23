// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/encoded_message.h"

#include <utility>

namespace herald::gateway {

EncodedMessage::EncodedMessage(ServerMessage message)
    : message_(std::move(message)), bytes_(MessageBytes(message_)) {}

const FrameBytes& EncodedMessage::For(const Dialect& dialect) const {
  DialectFrames& encoded = by_dialect_[dialect.traits().number];
  encoded.once.Run([&] { encoded.frames = EncodeFrames(dialect, message_); });
  return encoded.frames;
}

}  // namespace herald::gateway
