// SPDX-License-Identifier: Apache-2.0
//
// Statistics of this node's gateways, for backends and other nodes.

#ifndef HERALD_SERVICE_GATEWAYS_GATEWAY_STATS_H_
#define HERALD_SERVICE_GATEWAYS_GATEWAY_STATS_H_

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "herald/node/v1/node_message.pb.h"
#include "service/channel/timers.h"
#include "service/gateways/gateways.h"

namespace herald::core {

// A time of Timers::Now() as a time of day.
google::protobuf::Timestamp ToTimestamp(absl::Time time, const Timers& timers);

// The gateways that have attached, in any order.
node::v1::NodeStats NodeStatsOf(const Gateways& gateways, const Timers& timers);

}  // namespace herald::core

#endif  // HERALD_SERVICE_GATEWAYS_GATEWAY_STATS_H_
