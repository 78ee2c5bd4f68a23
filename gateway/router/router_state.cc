// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/router_state.h"

#include <optional>
#include <utility>

#include "proto/contract/names.h"

namespace herald::gateway {

int RouterState::ShardOf(absl::string_view socket_id) const {
  const std::optional<contract::SocketId> id =
      contract::ParseSocketId(socket_id);
  if (!id || id->gateway != gateway_id || shards.empty()) return -1;
  return static_cast<int>(id->socket % shards.size());
}

void RouterState::EnqueueCrossed(link::v1::Unsubscribe end) {
  if (uplink == nullptr) return;  // The next attach does not name it.
  owed.push_back(std::move(end));
  EnqueueOwed();
}

void RouterState::EnqueueOwed() {
  for (; !owed.empty(); owed.pop_front()) {
    link::v1::GatewayItem item;
    *item.mutable_unsubscribe() = owed.front();
    if (!uplink->TryEnqueue(UplinkChunk::Defer(std::move(item)),
                            kCrossedOutboxBytesMax)) {
      return;
    }
  }
}

}  // namespace herald::gateway
