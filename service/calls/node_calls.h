// SPDX-License-Identifier: Apache-2.0
//
// Commands of backends, and of the authorizer, that gateways of any node carry
// out. A gateway with a link to this node is called directly, others over the
// bus.
//
// An item for all gateways is recorded before it is sent. So a gateway that
// attaches meanwhile receives it once or twice, which is harmless. If the item
// is not sent to its link, its replay (links.h) begins after the record.
//
// Threads: any; `done` is called without a lock of the core.

#ifndef HERALD_SERVICE_CALLS_NODE_CALLS_H_
#define HERALD_SERVICE_CALLS_NODE_CALLS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/node/v1/node_message.pb.h"
#include "herald/v1/authorizer_service.pb.h"
#include "service/calls/calls.h"
#include "service/calls/open_calls.h"
#include "service/engine/node_bus.h"
#include "service/engine/ports.h"
#include "service/gateways/gateways.h"

namespace herald::core {

// The items for gateways that may have missed `recorded`: all of these, or an
// order to renew every grant if the bus no longer has them.
std::vector<Chunk> RecordsOrRenewAll(
    absl::StatusOr<std::vector<Chunk>> recorded);

class NodeCalls final : public NodeListener {
 public:
  // `calls` and `gateways` outlive the object.
  NodeCalls(const Ports& ports, Calls* calls, Gateways* gateways)
      : bus_(ports.bus),
        timers_(ports.timers),
        observer_(ports.observer),
        calls_(calls),
        gateways_(gateways),
        open_("node", ports.timers, ports.observer) {}

  // Sends `call` to the gateway of the socket that it names. NOT_FOUND: no
  // gateway has the socket. UNAVAILABLE: its gateway has no link now, or does
  // not answer within `deadline`. REQUIRES: the call names a valid socket.
  void CallSocket(link::v1::Call call, absl::Duration deadline, CallDone done);

  // Disconnects the user at all gateways; absent gateways receive the call when
  // they return. The result counts connections. UNAVAILABLE: a gateway with
  // subscriptions that is not on probation (calls.h), another node or the
  // engine does not answer; it is safe to retry. REQUIRES: `call` disconnects a
  // user.
  void DisconnectUser(link::v1::Call call, CallDone done);

  // Sends the revocation to all gateways, and to absent ones when they return.
  // If it cannot be recorded, it counts as forgotten for the latter.
  void Revoke(v1::Revocation revocation);

  // NodeListener.
  void OnBus(absl::string_view from, absl::string_view bytes) override;
  void OnBusRestored(absl::Duration gap) override;
  std::string Stats() override;

 private:
  void CallSocketHere(link::v1::Call call, absl::Duration deadline,
                      CallDone done);
  void CallNode(const std::string& node, link::v1::Call call,
                absl::Duration deadline, CallDone done);
  void OnCall(const std::string& from, node::v1::NodeCall call);

  void DisconnectUserHere(const link::v1::Call& call, absl::Duration deadline,
                          CallDone done);
  void DisconnectUserElsewhere(link::v1::Call call, CallDone done);

  // Gateways that are attaching are included.
  void SendToAllLinks(const Chunk& item);

  NodeBus* const bus_;
  const Timers* const timers_;
  ServiceObserver* const observer_;
  Calls* const calls_;
  Gateways* const gateways_;

  struct NoNote {};
  OpenCalls<std::string, NoNote> open_;  // By the names of nodes.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CALLS_NODE_CALLS_H_
