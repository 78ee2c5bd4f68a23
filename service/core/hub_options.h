// SPDX-License-Identifier: Apache-2.0
//
// What a hub is told when it is made, and what it counts.

#ifndef HERALD_SERVICE_CORE_HUB_OPTIONS_H_
#define HERALD_SERVICE_CORE_HUB_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"

namespace herald::core {

struct HubOptions {
  std::string version;

  // What gateways are told; the hub applies its limits and its payload bound.
  link::v1::Settings settings;

  // The authorizer's bound for one decision; a Subscribe RPC waits as much
  // longer than other calls.
  absl::Duration authorizer_timeout = absl::Seconds(1);

  // The start is over after `settle_min` as soon as no attach is under way,
  // and after `settle_max` in any case.
  absl::Duration settle_min = absl::Milliseconds(500);
  absl::Duration settle_max = absl::Seconds(5);

  // How long the members of a lost gateway wait for its return.
  absl::Duration lease = absl::Seconds(2);

  // How long after that its sockets may still come back with it, as far as a
  // backend is told: their calls are UNAVAILABLE and not NOT_FOUND.
  absl::Duration lost_memory = absl::Minutes(1);

  // How long a gateway may take to say hello, and then to say what it holds;
  // then its link ends with DEADLINE_EXCEEDED.
  absl::Duration attach_max = absl::Seconds(30);
};

// Watches that may be open at once; one more is RESOURCE_EXHAUSTED.
inline constexpr int64_t kWatchesMax = 10'000;

// Counts of the whole service.
struct HubCounts {
  int64_t gateways = 0;
  int64_t clients = 0;
  int64_t channels = 0;
  int64_t subscriptions = 0;
  int64_t members = 0;
  int64_t watches = 0;
  int64_t histories = 0;
  int64_t history_bytes = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_HUB_OPTIONS_H_
