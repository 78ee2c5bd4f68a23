// SPDX-License-Identifier: Apache-2.0
//
// The settings of the service's core.

#ifndef HERALD_SERVICE_GATEWAYS_CORE_OPTIONS_H_
#define HERALD_SERVICE_GATEWAYS_CORE_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/limits.h"
#include "service/gateways/link_bytes.h"

namespace herald::core {

struct CoreOptions {
  std::string version;

  // The settings that gateways receive. The service applies their limits and
  // their payload bound, too.
  link::v1::Settings settings;

  // The authorizer's bound for one decision; a Subscribe RPC waits as much
  // longer than other calls.
  absl::Duration authorizer_timeout = absl::Seconds(1);

  // The start is over after `settle_min` as soon as no attach is under way,
  // and after `settle_max` in any case. An attach is under way from `hello` on,
  // but after `settle_hello` only while the gateway sends its holdings, with
  // pauses below `attach_pause_max`, or the service adopts them. Otherwise a
  // link that sends nothing but `hello` would delay each start.
  //
  // A frame of holdings (contract::kLinkAttachFrameBytes) takes 0.8 s at
  // 10 Mbit/s, and gateways send `hello` in the first one.
  absl::Duration settle_min = absl::Milliseconds(500);
  absl::Duration settle_hello = absl::Seconds(1);
  absl::Duration settle_max = absl::Seconds(5);
  absl::Duration attach_pause_max = absl::Seconds(1);

  // For how long after its lease a lost gateway is expected to return: calls
  // for its sockets are UNAVAILABLE, and later NOT_FOUND.
  absl::Duration lost_memory = absl::Minutes(1);

  // Time limit for a gateway's hello, and then for its `attached`. A link that
  // exceeds one ends with DEADLINE_EXCEEDED.
  absl::Duration attach_max = absl::Seconds(30);

  // Bound on the memory of the holdings of an attaching gateway, and again on
  // the items that it sends before the service has adopted them. A link that
  // exceeds one ends.
  int64_t held_bytes_max = contract::kLinkHeldBytesMax;

  // Bound on the memory that all links hold together, with state in outboxes
  // (link_bytes.h).
  int64_t links_bytes_max = kLinksBytesMax;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_GATEWAYS_CORE_OPTIONS_H_
