// SPDX-License-Identifier: Apache-2.0
//
// The link of a gateway, as channels know it: where it is sent to, and what is
// counted of it.
//
// Threads: any. `ended` is set before the shards are swept, and read with a
// shard locked by all that add to it: so nothing is added behind the sweep.

#ifndef HERALD_SERVICE_CHANNEL_PEER_H_
#define HERALD_SERVICE_CHANNEL_PEER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "service/channel/sink.h"

namespace herald::core {

struct Peer {
  explicit Peer(SinkPtr to) : sink(std::move(to)) {}

  const SinkPtr sink;
  std::atomic<bool> ended{false};
  std::atomic<int64_t> subscription_count{0};
};

using PeerPtr = std::shared_ptr<Peer>;

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_PEER_H_
