// SPDX-License-Identifier: Apache-2.0
//
// Places in a channel with history, and the publications between two of them.

#ifndef HERALD_SERVICE_CHANNEL_POSITION_H_
#define HERALD_SERVICE_CHANNEL_POSITION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "service/channel/sink.h"

namespace herald::core {

// How much of a channel is remembered. The newest rule applies.
struct HistoryLimits {
  int64_t size = 0;  // Publications; 0: none is numbered or remembered.
  absl::Duration ttl = absl::Minutes(5);

  friend bool operator==(const HistoryLimits&, const HistoryLimits&) = default;
};

// A place in a channel: the last publication that is known. `epoch` is empty
// for channels without history.
struct Position {
  std::string epoch;
  int64_t offset = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

// The publications of a channel since a position.
struct Missed {
  Position position;            // Where the channel is.
  int64_t since = 0;            // The offset before the first chunk.
  bool available = false;       // False: some are gone, so `chunks` is empty.
  int64_t available_since = 0;  // Then, in the current epoch: all after it are.
  std::vector<Chunk> chunks;    // As gateways receive them (sink.h).
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_POSITION_H_
