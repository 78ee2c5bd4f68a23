// SPDX-License-Identifier: Apache-2.0
//
// One or more items on their way to the link. Joined, the bytes of chunks are
// one valid AttachRequest (ARCHITECTURE, chunks).
//
// Threads: not thread-safe.

#ifndef HERALD_GATEWAY_UPLINK_UPLINK_CHUNK_H_
#define HERALD_GATEWAY_UPLINK_UPLINK_CHUNK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "herald/link/v1/gateway_service.pb.h"

namespace herald::gateway {

class UplinkChunk {
 public:
  // Encodes the items now, so it is called without the router's lock. Bytes
  // take a fraction of the memory of items, also while they wait.
  static UplinkChunk Encode(link::v1::GatewayItem item);
  static UplinkChunk Encode(const link::v1::AttachRequest& items);

  // Only counts the bytes, for an item that is made with the router locked.
  // The link encodes it when it writes.
  static UplinkChunk Defer(link::v1::GatewayItem item);

  // The size of the encoded items.
  int64_t bytes() const { return bytes_; }

  // Appends `next` if both are encoded. Otherwise returns false.
  bool TryJoin(const UplinkChunk& next);

  // Appends the encoded items to `out`.
  void MoveTo(std::string* out) &&;

 private:
  UplinkChunk() = default;

  int64_t bytes_ = 0;
  std::string encoded_;
  std::unique_ptr<link::v1::AttachRequest> deferred_;  // nullptr: encoded.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_UPLINK_UPLINK_CHUNK_H_
