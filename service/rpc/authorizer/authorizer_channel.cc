// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/authorizer/authorizer_channel.h"

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "proto/contract/limits.h"

namespace herald::rpc {

std::shared_ptr<grpc::Channel> MakeAuthorizerChannel(
    const std::string& target) {
  grpc::ChannelArguments arguments;
  // A proxy of the environment is for the web.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(contract::kAuthorizerMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
  // This one is also how long one attempt to connect may take: a network, not
  // a backoff.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);
  // Users write the other end, so pings must suit a server with default
  // settings: it ends the connection with `too_many_pings` if it is pinged
  // twice within 5 minutes in which it has sent nothing. So pings only find out
  // that the other end of an idle stream is gone. While questions are open,
  // AuthorizerLink finds out sooner.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 6 * 60 * 1000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A channel that takes the place of another has a connection of its own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace herald::rpc
