// SPDX-License-Identifier: Apache-2.0
//
// Publishes events of backends: the RPC Broadcast.
//
// Failure: the codes of broadcast_service.proto; UNAVAILABLE until the start is
// over, and after it was stopped.
//
// Threads: any.

#ifndef HERALD_SERVICE_API_BROADCASTS_H_
#define HERALD_SERVICE_API_BROADCASTS_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "herald/v1/broadcast_service.pb.h"
#include "service/engine/ports.h"

namespace herald::core {

class Broadcasts {
 public:
  Broadcasts(const Ports& ports, int64_t payload_bytes_max)
      : table_(ports.table),
        log_(ports.log),
        timers_(ports.timers),
        observer_(ports.observer),
        readiness_(ports.readiness),
        payload_bytes_max_(payload_bytes_max) {}

  // `done` is called without a lock.
  using Done = absl::AnyInvocable<void(absl::StatusOr<v1::BroadcastResponse>)>;
  void Broadcast(const v1::BroadcastRequest& request, Done done);

  // BROADCAST_MAX_PAYLOAD.
  int64_t payload_bytes_max() const { return payload_bytes_max_; }

 private:
  // RESOURCE_EXHAUSTED if one of the channels allows less data.
  absl::Status CheckPayloads(const v1::BroadcastRequest& request);

  ChannelTable* const table_;
  ChannelLog* const log_;
  Timers* const timers_;
  ServiceObserver* const observer_;
  const Readiness* const readiness_;
  const int64_t payload_bytes_max_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_API_BROADCASTS_H_
