// SPDX-License-Identifier: Apache-2.0
//
// The link of a gateway, as channels know it: its sink and its number of
// subscriptions.
//
// Threads: any. Links::Close() sets `ended` before it removes the link from all
// shards, and callers read it with the shard locked before they add to the
// table. So nothing is added after the removal.

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
