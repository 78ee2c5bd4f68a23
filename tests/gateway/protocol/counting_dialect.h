// SPDX-License-Identifier: Apache-2.0
//
// A protocol that counts the messages that it encodes: its number, the channel
// and a semicolon for `unsubscribed`, the data for events, nothing for the
// rest.

#ifndef HERALD_TESTS_GATEWAY_PROTOCOL_COUNTING_DIALECT_H_
#define HERALD_TESTS_GATEWAY_PROTOCOL_COUNTING_DIALECT_H_

#include <atomic>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "gateway/protocol/dialect.h"

namespace herald::gateway {

class CountingDialect final : public Dialect {
 public:
  explicit CountingDialect(size_t number) : number_(number) {}

  DialectTraits traits() const override { return {number_}; }
  Acceptance Accept(const UpgradeRequest& /*request*/) const override {
    return Accepted();
  }
  ClientMessage Decode(absl::string_view /*text*/) const override {
    return PingMessage();
  }
  void Encode(const ServerMessage& message,
              std::string* frames) const override {
    ++encoded;
    if (const auto* end = std::get_if<UnsubscribedMessage>(&message)) {
      absl::StrAppend(frames, number_, end->channel, ";");
    } else if (const auto* event = std::get_if<EventMessage>(&message)) {
      *frames += event->publication.data();
    }
  }
  Goodbye MakeGoodbye(contract::CloseReason /*why*/, absl::string_view /*text*/,
                      std::optional<absl::Duration> /*delay*/) const override {
    return {};
  }

  mutable std::atomic<int> encoded = 0;

 private:
  const size_t number_;
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_PROTOCOL_COUNTING_DIALECT_H_
