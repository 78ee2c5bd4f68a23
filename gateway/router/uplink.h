// SPDX-License-Identifier: Apache-2.0
//
// Port: the outgoing side of one link to the service. gateway/link implements
// it over GatewayService.Attach.
//
// Threads: any. Enqueue() is called with the router locked, so it must be short
// and must not call the router; Flush() is called without.

#ifndef HERALD_GATEWAY_ROUTER_UPLINK_H_
#define HERALD_GATEWAY_ROUTER_UPLINK_H_

#include <cstdint>
#include <memory>
#include <string>

namespace herald::gateway {

class Uplink {
 public:
  virtual ~Uplink() = default;

  // Appends one or more serialized `items` of an AttachRequest. An outbox that
  // would exceed contract::kLinkOutboxBytesMax ends the link instead, which its
  // owner tells the router later.
  virtual void Enqueue(std::string chunk) = 0;

  // As Enqueue(), for what may be refused: false, and nothing is appended, if
  // more than `bytes_max` would wait then or the link has ended.
  virtual bool TryEnqueue(std::string chunk, int64_t bytes_max) = 0;

  // As Enqueue(), past the bound: for what a gateway holds when it attaches,
  // which is as large as it is.
  virtual void EnqueueUnbounded(std::string chunk) = 0;

  // Begins to write, unless a write is in flight already.
  virtual void Flush() = 0;
};

using UplinkPtr = std::shared_ptr<Uplink>;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_UPLINK_H_
