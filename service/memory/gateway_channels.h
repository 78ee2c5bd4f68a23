// SPDX-License-Identifier: Apache-2.0
//
// The presence channels on which each gateway has members. Presence keeps it.
// Without it, the end of each lease would visit the channels of all gateways,
// and one gateway may bring a million.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_SERVICE_MEMORY_GATEWAY_CHANNELS_H_
#define HERALD_SERVICE_MEMORY_GATEWAY_CHANNELS_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace herald::core {

class GatewayChannels {
 public:
  using Names = absl::flat_hash_set<const std::string*>;

  // The gateway has its first member there. The name must not move until
  // Remove(), because only its address is kept: 14 bytes on average.
  void Add(uint64_t gateway, const std::string* channel) {
    channels_[gateway].insert(channel);
  }

  // The gateway has no member there any more.
  void Remove(uint64_t gateway, const std::string* channel) {
    const auto it = channels_.find(gateway);
    if (it == channels_.end()) return;
    it->second.erase(channel);
    if (it->second.empty()) channels_.erase(it);
  }

  // The channels of the gateway, in any order.
  const Names& Of(uint64_t gateway) const {
    static const Names* const kNone = new Names();
    const auto it = channels_.find(gateway);
    return it == channels_.end() ? *kNone : it->second;
  }

 private:
  // No gateway without a channel.
  absl::flat_hash_map<uint64_t, Names> channels_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_MEMORY_GATEWAY_CHANNELS_H_
