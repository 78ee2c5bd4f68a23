// SPDX-License-Identifier: Apache-2.0
//
// Used by every part of a loop: its options, the objects around it, the
// settings in force and the time.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_LOOP_LOOP_STATE_H_
#define HERALD_GATEWAY_LOOP_LOOP_STATE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gateway/channels/delivery.h"
#include "gateway/loop/loop.h"
#include "gateway/loop/timer_wheel.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/router.h"
#include "gateway/socket/client_flow.h"

namespace herald::gateway {

struct ShardOptions {
  int index = 0;                     // Of this shard, from 0.
  int64_t subscriptions_max = 1000;  // Per socket.
  ClientRates rates = {};            // Per socket.
  // A socket that takes no waiting bytes for so long is a slow reader.
  absl::Duration write_timeout = absl::Seconds(30);
};

struct LoopState {
  // The pointers outlive it. `start` starts the wheel.
  LoopState(ShardOptions shard_options, Router* to_router, Loop* own_loop,
            GatewayObserver* for_metrics, absl::Time start);
  LoopState(const LoopState&) = delete;
  LoopState& operator=(const LoopState&) = delete;

  // Asks the loop to end this turn, or the next, with a flush.
  void RequestFlush() {
    if (!std::exchange(flush_requested, true)) loop->RequestFlush();
  }

  // The largest message that a client may send.
  size_t message_bytes_max() const;

  // The id of the socket with that number.
  std::string SocketId(uint64_t number) const;

  // Constant after construction.
  const ShardOptions options;
  Router* const router;
  Loop* const loop;
  GatewayObserver* const observer;

  // The last ones delivered; until then, the documented defaults.
  NewSettings settings;

  TimerWheel wheel;
  absl::Time now;  // Of the last Shard::Advance(), for grants and rates.
  bool flush_requested = false;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_LOOP_STATE_H_
