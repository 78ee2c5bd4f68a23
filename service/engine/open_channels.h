// SPDX-License-Identifier: Apache-2.0
//
// Opens and closes channels in the log. A channel is open while it has a
// subscription, a pending admission, a Watch or a hold. The first of them opens
// it; requests that arrive before that is done are parked. The last one closes
// it.
//
// With the embedded engine nothing is parked: the log answers inside the call.
//
// Bound: kWaitingMax parked requests per channel; more are refused.
//
// Threads: with the channel's shard locked.

#ifndef HERALD_SERVICE_ENGINE_OPEN_CHANNELS_H_
#define HERALD_SERVICE_ENGINE_OPEN_CHANNELS_H_

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "service/channel/channel_table.h"
#include "service/engine/channel_log.h"

namespace herald::core {

class OpenChannels {
 public:
  static constexpr size_t kWaitingMax = 100'000;

  // Both outlive the object.
  OpenChannels(ChannelTable* table, ChannelLog* log)
      : table_(table), log_(log) {}

  // Whether the channel is open, so that WhenOpen() calls `body` at once.
  bool IsOpen(const ChannelShard& shard, absl::string_view channel) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Calls `body` when the channel is open and, if the rules ask for a history,
  // has a position. If `body` adds no listener, the channel is closed again.
  // UNAVAILABLE: it cannot be opened now.
  void WhenOpen(ChannelShard& shard, absl::string_view channel,
                WhenOpenBody body) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Keeps an open channel open until Release(), while the log reads the past
  // for a listener that will be added. It does not count as a channel with
  // subscriptions.
  void Hold(ChannelShard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void Release(ChannelShard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // A listener of the channel has left the table.
  void OnListenerLeft(const ChannelShard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

 private:
  void OnOpened(absl::string_view channel, const absl::Status& status);

  ChannelTable* const table_;
  ChannelLog* const log_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_OPEN_CHANNELS_H_
