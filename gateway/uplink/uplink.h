// SPDX-License-Identifier: Apache-2.0
//
// Port: the outgoing side of one link to the service. gateway/link implements
// it over GatewayService.Attach.
//
// Threads: any. Enqueue() is called with the router locked, so it must be short
// and must not call the router. Flush() is called without the lock.

#ifndef HERALD_GATEWAY_UPLINK_UPLINK_H_
#define HERALD_GATEWAY_UPLINK_UPLINK_H_

#include <cstdint>
#include <memory>

#include "gateway/uplink/uplink_chunk.h"

namespace herald::gateway {

class Uplink {
 public:
  virtual ~Uplink() = default;

  // Appends the items. If the outbox would exceed
  // contract::kLinkOutboxBytesMax, it ends the link instead; the router is
  // notified later.
  virtual void Enqueue(UplinkChunk chunk) = 0;

  // As Enqueue(), for items that may be refused. Returns false, and appends
  // nothing, if the outbox would exceed `bytes_max` or the link has ended.
  virtual bool TryEnqueue(UplinkChunk chunk, int64_t bytes_max) = 0;

  // As Enqueue(), without the bound: for the holdings of an attach, which may
  // have any size.
  virtual void EnqueueUnbounded(UplinkChunk chunk) = 0;

  // Starts a write, unless one is in flight.
  virtual void Flush() = 0;
};

using UplinkPtr = std::shared_ptr<Uplink>;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_UPLINK_UPLINK_H_
