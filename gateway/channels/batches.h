// SPDX-License-Identifier: Apache-2.0
//
// The deliveries of one call of the router, grouped by loop. They are posted
// together, so that a frame of the link wakes each loop once.
//
// Threads: not thread-safe; the router locks.

#ifndef HERALD_GATEWAY_CHANNELS_BATCHES_H_
#define HERALD_GATEWAY_CHANNELS_BATCHES_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "gateway/channels/delivery.h"

namespace herald::gateway {

class Batches {
 public:
  // `shards` outlive the object.
  explicit Batches(const std::vector<ShardInbox*>& shards)
      : shards_(shards), batches_(shards.size()) {}

  // Appends a delivery for loop `shard`, counted from 0; or for every loop.
  void Add(int shard, Delivery delivery) {
    batches_[static_cast<size_t>(shard)].push_back(std::move(delivery));
  }
  void AddToAll(const Delivery& delivery) {
    for (std::vector<Delivery>& batch : batches_) batch.push_back(delivery);
  }

  // Posts all batches. Call it once, with the router locked, so that loops
  // receive the batches in the order of the link.
  void Post() {
    for (size_t shard = 0; shard < batches_.size(); ++shard) {
      if (batches_[shard].empty()) continue;
      shards_[shard]->Post(std::move(batches_[shard]));
    }
  }

 private:
  const std::vector<ShardInbox*>& shards_;
  std::vector<std::vector<Delivery>> batches_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CHANNELS_BATCHES_H_
