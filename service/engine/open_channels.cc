// SPDX-License-Identifier: Apache-2.0

#include "service/engine/open_channels.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/contract/require.h"

namespace herald::core {

bool OpenChannels::IsOpen(const ChannelShard& shard,
                          absl::string_view channel) const {
  if (!HasListeners(shard, channel)) return false;
  if (!shard.opening.empty() && shard.opening.contains(channel)) return false;
  // New rules may ask for a history, and a history may have been evicted.
  return HistoryOf(shard, channel).size == 0 ||
         log_->PositionOf(channel).has_value();
}

void OpenChannels::WhenOpen(ChannelShard& shard, absl::string_view channel,
                            WhenOpenBody body) {
  const auto opening = shard.opening.find(channel);
  if (opening != shard.opening.end()) {
    if (opening->second.size() < kWaitingMax) {
      opening->second.push_back(std::move(body));
      return;
    }
    return body(shard, absl::UnavailableError(
                           absl::StrCat(kWaitingMax, " wait for channel ",
                                        channel, " to be opened")));
  }
  if (IsOpen(shard, channel)) return body(shard, absl::OkStatus());
  // Parked before the log is called, which may answer inside the call.
  shard.opening[channel].push_back(std::move(body));
  log_->Open(channel, HistoryOf(shard, channel),
             [this, name = std::string(channel)](const absl::Status& status) {
               OnOpened(name, status);
             });
}

void OpenChannels::OnOpened(absl::string_view channel,
                            const absl::Status& status) {
  ChannelShard& shard = table_->ShardOf(channel);
  shard.mu.AssertHeld();
  // The rules may have disabled the history since Open() was called.
  if (status.ok() && HistoryOf(shard, channel).size == 0 &&
      log_->PositionOf(channel).has_value()) {
    log_->Forget(channel);
  }
  // The entry stays until all have run: a refused request would otherwise close
  // the channel before the next one.
  for (;;) {
    const auto opening = shard.opening.find(channel);
    std::vector<WhenOpenBody> waiting = std::exchange(opening->second, {});
    if (waiting.empty()) break;
    for (WhenOpenBody& body : waiting) body(shard, status);
  }
  shard.opening.erase(channel);
  OnListenerLeft(shard, channel);
}

void OpenChannels::Hold(ChannelShard& shard, absl::string_view channel) {
  ++shard.held[channel];
}

void OpenChannels::Release(ChannelShard& shard, absl::string_view channel) {
  const auto it = shard.held.find(channel);
  contract::Require(it != shard.held.end());
  if (--it->second == 0) shard.held.erase(it);
  OnListenerLeft(shard, channel);
}

void OpenChannels::OnListenerLeft(const ChannelShard& shard,
                                  absl::string_view channel) {
  if (HasListeners(shard, channel) || shard.opening.contains(channel)) return;
  log_->Close(channel);
}

}  // namespace herald::core
