// SPDX-License-Identifier: Apache-2.0
//
// herald-gateway as a program: settings, objects, run, drain, exit. Only the
// protocols of its clients are its caller's.

#ifndef HERALD_GATEWAY_PROGRAM_H_
#define HERALD_GATEWAY_PROGRAM_H_

#include <functional>

#include "gateway/net/endpoints.h"
#include "gateway/process/options.h"

namespace herald::gateway {

// The paths of the browsers' port and their dialects, which live as long as the
// process.
using EndpointsFactory =
    std::function<Endpoints(const GatewayOptions& options)>;

// Runs until a signal ends it, or a setting keeps it from starting. Returns the
// exit code.
int RunGateway(int argc, char** argv, const EndpointsFactory& endpoints);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROGRAM_H_
