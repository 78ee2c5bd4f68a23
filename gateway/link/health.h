// SPDX-License-Identifier: Apache-2.0
//
// Asks a service for its health (grpc.health.v1). It is SERVING once the
// service is settled.
//
// Threads: any. The call waits.

#ifndef HERALD_GATEWAY_LINK_HEALTH_H_
#define HERALD_GATEWAY_LINK_HEALTH_H_

#include <memory>

#include "absl/time/time.h"
#include "grpcpp/channel.h"

namespace herald::gateway {

// False if the service answers anything but SERVING, or not within `deadline`.
bool IsServing(const std::shared_ptr<grpc::Channel>& channel,
               absl::Duration deadline);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LINK_HEALTH_H_
