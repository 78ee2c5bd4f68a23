// SPDX-License-Identifier: Apache-2.0
//
// A protocol without frames, for tests of queues: an event is its data, and
// `subscribed` the letter p, the channel, the offset and a semicolon.

#ifndef HERALD_TESTS_GATEWAY_TEXT_DIALECT_H_
#define HERALD_TESTS_GATEWAY_TEXT_DIALECT_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "gateway/protocol/channel_message.h"
#include "gateway/protocol/dialect.h"
#include "gateway/socket/frame.h"

namespace herald::gateway {

class TextDialect final : public Dialect {
 public:
  DialectTraits traits() const override { return {1}; }
  Acceptance Accept(const UpgradeRequest& /*request*/) const override {
    return Accepted();
  }
  ClientMessage Decode(absl::string_view /*text*/) const override {
    return PingMessage();
  }
  void Encode(const ServerMessage& message,
              std::string* frames) const override {
    if (const auto* event = std::get_if<EventMessage>(&message)) {
      *frames += event->publication.data();
    } else if (const auto* at = std::get_if<SubscribedMessage>(&message)) {
      absl::StrAppend(frames, "p", at->channel, at->position->offset(), ";");
    }
  }
  Goodbye MakeGoodbye(contract::CloseReason /*why*/, absl::string_view /*text*/,
                      std::optional<absl::Duration> /*delay*/) const override {
    return {};
  }
};

// A frame of `text` that may be dropped as `droppable` has it.
inline Frame DroppableFrame(const std::string& text, Droppable droppable) {
  static const TextDialect dialect;
  ChannelMessage message;
  EventMessage event;
  event.publication.set_data(text);
  message.channel = droppable.channel;
  message.message = ShareMessage(std::move(event));
  message.droppable = std::make_shared<const Droppable>(std::move(droppable));
  return Frame(message, dialect);
}

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_TEXT_DIALECT_H_
