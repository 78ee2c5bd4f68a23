// SPDX-License-Identifier: Apache-2.0
//
// Herald's own protocol, specified in proto/WEBSOCKET.md: JSON text frames,
// tagged by `type`. tests/golden/native has one file per frame.

#ifndef HERALD_GATEWAY_DIALECTS_NATIVE_NATIVE_DIALECT_H_
#define HERALD_GATEWAY_DIALECTS_NATIVE_NATIVE_DIALECT_H_

#include <optional>
#include <string>

#include "gateway/protocol/dialect.h"

namespace herald::gateway {

class NativeDialect final : public Dialect {
 public:
  DialectTraits traits() const override { return {0}; }

  Acceptance Accept(const UpgradeRequest& request) const override;
  ClientMessage Decode(absl::string_view text) const override;

  void Encode(const ServerMessage& message, std::string* frames) const override;

  Goodbye MakeGoodbye(contract::CloseReason why, absl::string_view text,
                      std::optional<absl::Duration> delay) const override;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_DIALECTS_NATIVE_NATIVE_DIALECT_H_
