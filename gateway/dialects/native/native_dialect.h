// SPDX-License-Identifier: Apache-2.0
//
// Herald's own protocol, as proto/WEBSOCKET.md has it: JSON text frames, tagged
// by `type`. tests/golden/native has one file per frame.

#ifndef HERALD_GATEWAY_DIALECTS_NATIVE_NATIVE_DIALECT_H_
#define HERALD_GATEWAY_DIALECTS_NATIVE_NATIVE_DIALECT_H_

#include <string>

#include "gateway/protocol/dialect.h"

namespace herald::gateway {

class NativeDialect final : public Dialect {
 public:
  ClientMessage Decode(absl::string_view text) const override;

  FrameBytes Connected(absl::string_view socket_id) const override;
  FrameBytes Subscribed(absl::string_view channel, const std::string* members,
                        const v1::Position* position,
                        std::optional<bool> recovered) const override;
  FrameBytes SubscriptionError(absl::string_view channel,
                               absl::string_view error,
                               absl::string_view code) const override;
  FrameBytes Unsubscribed(absl::string_view channel,
                          absl::string_view reason) const override;
  FrameBytes Event(const link::v1::Publication& publication) const override;
  FrameBytes MemberAdded(absl::string_view channel, absl::string_view user_id,
                         absl::string_view user_info) const override;
  FrameBytes MemberRemoved(absl::string_view channel,
                           absl::string_view user_id) const override;
  FrameBytes Pong() const override;
  FrameBytes Error(const ClientError& error) const override;

  CloseFrame Close(contract::CloseReason why) const override;
  std::string GoingAway(absl::Duration delay) const override;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_DIALECTS_NATIVE_NATIVE_DIALECT_H_
