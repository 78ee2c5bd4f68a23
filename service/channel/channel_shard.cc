// SPDX-License-Identifier: Apache-2.0

#include "service/channel/channel_shard.h"

namespace herald::core {

Interest* ChannelEntry::Find(const Peer* peer) {
  for (Interest& interest : interests) {
    if (interest.peer.get() == peer) return &interest;
  }
  return nullptr;
}

void TellIn(ChannelShard& shard, absl::string_view channel,
            absl::FunctionRef<Chunk()> item,
            absl::FunctionRef<std::vector<Chunk>()> messages,
            void (*enqueue)(ChannelShard&, const SinkPtr&, Chunk)) {
  const auto entry = shard.channels.find(channel);
  if (entry != shard.channels.end()) {
    const Chunk chunk = item();
    for (const Interest& interest : entry->second.interests) {
      enqueue(shard, interest.peer->sink, chunk);
    }
  }
  const auto watches = shard.watches.find(channel);
  if (watches == shard.watches.end()) return;
  const std::vector<Chunk> chunks = messages();
  for (const SinkPtr& sink : watches->second) {
    for (const Chunk& chunk : chunks) enqueue(shard, sink, chunk);
  }
}

}  // namespace herald::core
