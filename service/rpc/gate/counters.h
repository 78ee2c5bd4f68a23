// SPDX-License-Identifier: Apache-2.0
//
// Counters of the rim's hot paths: plain atomics, read by ServiceMetrics on
// each scrape.

#ifndef HERALD_SERVICE_RPC_GATE_COUNTERS_H_
#define HERALD_SERVICE_RPC_GATE_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "grpcpp/support/status.h"

namespace herald::rpc {

using Count = std::atomic<int64_t>;

// Adds without ordering anything else.
inline void Add(Count& count, int64_t delta) {
  count.fetch_add(delta, std::memory_order_relaxed);
}

// The streams of one kind: all links, or all Watches.
struct StreamCounters {
  Count open{0};         // Of links, with those that were not opened yet.
  Count queue_bytes{0};  // Waiting in outboxes now.
  Count overflows{0};
  Count dropped_bytes{0};  // By overflows.
  Count whispers_dropped{0};
  Count frames_sent{0};
  Count bytes_sent{0};
  Count frames_received{0};
  Count bytes_received{0};
};

enum class Method {
  kBroadcast,
  kBroadcastStream,
  kSubscribe,
  kUnsubscribe,
  kGetMembers,
  kGetChannel,
  kListChannels,
  kGetStats,
  kGetHistory,
  kDisconnect,
  kWatch,
  kAttach,
};
inline constexpr size_t kMethods = static_cast<size_t>(Method::kAttach) + 1;
inline constexpr size_t kCodes = 17;  // The canonical ones, OK included.

// RPCs that have ended, by method and code; pauses of reading BroadcastStreams
// because their callers did not read; connections that could not be accepted;
// calls ended because their request stayed incomplete; connections that were
// refused or evicted.
struct RpcCounters {
  std::array<std::array<Count, kCodes>, kMethods> ended{};
  Count streams_paused{0};
  Count accept_errors{0};
  Count requests_ended{0};
  Count connections_refused{0};

  void OnEnded(Method method, grpc::StatusCode code) {
    const auto index = static_cast<size_t>(code);
    Add(ended[static_cast<size_t>(method)][index < kCodes ? index : 2], 1);
  }
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_COUNTERS_H_
