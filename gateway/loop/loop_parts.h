// SPDX-License-Identifier: Apache-2.0
//
// The parts of a loop that its sessions share. Shard owns them; none of them
// looks into a session, though queues carry pointers to sessions.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_LOOP_LOOP_PARTS_H_
#define HERALD_GATEWAY_LOOP_LOOP_PARTS_H_

#include "absl/time/time.h"
#include "gateway/loop/bulk_writer.h"
#include "gateway/loop/loop_state.h"
#include "gateway/loop/loop_subscriptions.h"
#include "gateway/loop/reading_pauses.h"
#include "gateway/loop/session_writer.h"
#include "gateway/subscriptions/leave_queue.h"

namespace herald::gateway {

struct LoopParts {
  LoopParts(const ShardOptions& options, Router* router, Loop* loop,
            GatewayObserver* observer, absl::Time now)
      : state(options, router, loop, observer, now) {}

  LoopState state;
  SessionWriter writer{&state};
  ReadingPauses pauses{&state};
  BulkWriter bulk{&state, &writer};
  LoopSubscriptions subscriptions{&state, &bulk};
  LeaveQueue leaving;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_LOOP_PARTS_H_
