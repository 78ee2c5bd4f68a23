// SPDX-License-Identifier: Apache-2.0
//
// How gRPC connects to an authorizer, a server that the application provides.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_CHANNEL_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_CHANNEL_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"

namespace herald::rpc {

// A channel to `target` with a connection of its own, which is opened at its
// first use. Responses may have up to 16 MiB.
std::shared_ptr<grpc::Channel> MakeAuthorizerChannel(const std::string& target);

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_CHANNEL_H_
