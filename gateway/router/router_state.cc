// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/router_state.h"

#include "proto/contract/names.h"

namespace herald::gateway {

int RouterState::ShardOf(absl::string_view socket_id) const {
  const std::optional<contract::SocketId> id =
      contract::ParseSocketId(socket_id);
  if (!id || id->gateway != gateway_id || shards.empty()) return -1;
  return static_cast<int>(id->socket % shards.size());
}

}  // namespace herald::gateway
