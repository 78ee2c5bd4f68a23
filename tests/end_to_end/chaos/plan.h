// SPDX-License-Identifier: Apache-2.0
//
// The contents of a round, as they follow from its seed and the options:
// channels, and the listeners of each.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_PLAN_H_
#define HERALD_TESTS_END_TO_END_CHAOS_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/end_to_end/chaos/channel.h"
#include "tests/end_to_end/chaos/random.h"

namespace herald::chaos {

// The command line, and the parameters of a round that follow from it.
struct RoundOptions {
  uint64_t seed = 0;
  Milliseconds length{45'000};  // Of the trouble; making sure comes on top.
  int clients = 100;
  int gateways = 0;  // 0: two or three.
  bool history = true;
  bool keeps_logs = false;  // Also of a round that is well.
  std::string bin;          // Where the programs are.
};

// The grace of presence-lounge.* in the rules.
inline constexpr Milliseconds kGrace{4'000};

struct Plan {
  std::vector<Channel> channels;
  int gateways = 0;
  int gateway_threads = 0;
  int drain_seconds = 0;
  int unary_publishers = 0;
  int stream_publishers = 0;
  int feeds = 0;  // Publish much on channels that drop to the latest.
  int slow_clients =
      0;  // Of the clients: read those channels only, and slowly.
  int watchers = 0;
  int users = 0;  // Fewer than clients, so that some have several sockets.

  // The limit of all histories together, in bytes; 0: the default, which is
  // more than a round needs. Else histories are evicted, and epochs begin anew
  // in one life of the service.
  int64_t history_memory = 0;
};

Plan MakePlan(const RoundOptions& options);

// The current rules of channels whose rules change.
enum class Whim { kHistory, kSmallHistory, kNoHistory };

// The rules file of the service (herald.config.v1), as JSON.
std::string RulesText(Whim whim);

// The channels of one listener, as places in the plan, each once.
std::vector<size_t> ChannelsOf(const Plan& plan, Random* random);

// Those that drop to the latest.
std::vector<size_t> DroppingChannelsOf(const Plan& plan);

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_PLAN_H_
