// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/encoded_message.h"

#include <utility>

namespace herald::gateway {

EncodedMessage::EncodedMessage(ServerMessage message)
    : message_(std::move(message)), bytes_(MessageBytes(message_)) {}

const FrameBytes& EncodedMessage::For(const Dialect& dialect) const {
  Form& form = forms_[dialect.traits().number];
  form.once.Run([&] { form.frames = EncodeFrames(dialect, message_); });
  return form.frames;
}

}  // namespace herald::gateway
