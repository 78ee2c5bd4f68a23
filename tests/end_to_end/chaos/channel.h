// SPDX-License-Identifier: Apache-2.0
//
// A channel of the suite, and places in its history.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_H_
#define HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/chaos/random.h"

namespace herald::chaos {

struct Channel {
  std::string name;
  int64_t history_size = 0;  // In the rules; 0: no history.
  bool needs_auth = false;
  bool is_presence = false;
  bool drops_to_latest = false;  // For slow consumers.
  bool rules_change = false;     // History is off, or smaller, for a while.
  Milliseconds grace{0};         // Before a member has left.

  bool keeps_history() const { return history_size > 0; }
};

struct Position {
  std::string epoch;
  int64_t offset = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

// For reports: `c7x2mq4kd3ta#41`.
inline std::string ToString(const Position& position) {
  return absl::StrCat(position.epoch, "#", position.offset);
}

// The name of a receiver of events, for the rules and for reports.
struct Listener {
  std::string name;       // `client 17`.
  std::string channel;    // The name of the channel.
  std::string socket_id;  // Of the connection; empty: a Watch.
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_H_
