// SPDX-License-Identifier: Apache-2.0
//
// Commands of backends, and of the authorizer, that gateways apply to sockets.
//
// Failure: the codes of broadcast_service.proto; UNAVAILABLE until the start is
// over, and after it was stopped.
//
// Threads: any.

#ifndef HERALD_SERVICE_API_COMMANDS_H_
#define HERALD_SERVICE_API_COMMANDS_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/authorizer_service.pb.h"
#include "herald/v1/broadcast_service.pb.h"
#include "service/calls/node_calls.h"
#include "service/engine/ports.h"

namespace herald::core {

class Commands {
 public:
  // `calls` outlives the object. A Subscribe waits `authorizer_timeout` longer
  // than others.
  Commands(const Ports& ports, absl::Duration authorizer_timeout,
           NodeCalls* calls)
      : observer_(ports.observer),
        readiness_(ports.readiness),
        authorizer_timeout_(authorizer_timeout),
        calls_(calls) {}

  using Done = absl::AnyInvocable<void(absl::Status)>;
  void Subscribe(const v1::SubscribeRequest& request, Done done);
  void Unsubscribe(const v1::UnsubscribeRequest& request, Done done);
  void Disconnect(
      const v1::DisconnectRequest& request,
      absl::AnyInvocable<void(absl::StatusOr<v1::DisconnectResponse>)> done);

  // Revokes grants on all gateways; absent gateways receive it when they
  // return. INVALID_ARGUMENT if it names no socket and no user, or a name is
  // not valid.
  absl::Status Revoke(v1::Revocation revocation);

 private:
  void CallSocket(absl::string_view socket_id, link::v1::Call call,
                  absl::Duration deadline, CallDone done);

  ServiceObserver* const observer_;
  const Readiness* const readiness_;
  const absl::Duration authorizer_timeout_;
  NodeCalls* const calls_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_API_COMMANDS_H_
