// SPDX-License-Identifier: Apache-2.0
//
// The life of the links of gateways: hello, what each holds, its items, and its
// end. What the items mean is others' business.
//
// Threads: any; Handle() and Close() of one attachment from one thread at a
// time.

#ifndef HERALD_SERVICE_LINK_LINKS_H_
#define HERALD_SERVICE_LINK_LINKS_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/channel/fanout.h"
#include "service/channel/sink.h"
#include "service/engine/ports.h"
#include "service/engine/upkeep.h"
#include "service/link/attachment.h"
#include "service/link/calls.h"
#include "service/link/core_options.h"
#include "service/link/gateways.h"
#include "service/link/recoveries.h"
#include "service/link/settling.h"
#include "service/link/subscriptions.h"
#include "service/link/whispers.h"

namespace herald::core {

class Links {
 public:
  // What links have to do with. All outlive the object.
  struct Parts {
    Fanout* fanout = nullptr;
    Upkeep* upkeep = nullptr;
    Calls* calls = nullptr;
    Gateways* gateways = nullptr;
    Whispers* whispers = nullptr;
    Subscriptions* subscriptions = nullptr;
    Recoveries* recoveries = nullptr;
    Settling* settling = nullptr;
  };
  Links(const Ports& ports, const CoreOptions& options, const Parts& parts);

  // Starts the deadline of a link's hello. Destroy the result when it comes.
  std::shared_ptr<void> AwaitHello(const SinkPtr& sink);

  // A link's first item. Another link of the same gateway ends. `proven` says
  // that hello.secret belongs to hello.gateway_id.
  // PERMISSION_DENIED: the gateway of that id has proven itself, not this link.
  // RESOURCE_EXHAUSTED: there are kLinksMax links. Others: see CheckHello().
  absl::StatusOr<AttachmentPtr> Open(const link::v1::Hello& hello, SinkPtr sink,
                                     bool proven = false);

  // A later item. An error, INVALID_ARGUMENT for a broken rule, ends the link.
  absl::Status Handle(const AttachmentPtr& gateway, link::v1::GatewayItem item);

  // The link has ended. Its subscriptions are gone; its members wait for the
  // gateway's return.
  void Close(const AttachmentPtr& gateway, absl::string_view why);

  // The service stops: ends all links. Those to come are refused.
  void Stop();

 private:
  absl::Status Pass(const AttachmentPtr& gateway, link::v1::GatewayItem item);
  absl::Status OnHeld(const AttachmentPtr& gateway, link::v1::Held held);
  absl::Status OnAttached(const AttachmentPtr& gateway);
  absl::Status Adopt(const AttachmentPtr& gateway, const link::v1::Held& held);
  void Replay(const AttachmentPtr& gateway);
  void DropMembers(uint64_t gateway);

  ChannelTable* const table_;
  Engine* const engine_;
  Timers* const timers_;
  Observer* const observer_;
  const Readiness* const readiness_;
  const CoreOptions options_;
  Fanout* const fanout_;
  Upkeep* const upkeep_;
  Calls* const calls_;
  Gateways* const gateways_;
  Whispers* const whispers_;
  Subscriptions* const subscriptions_;
  Recoveries* const recoveries_;
  Settling* const settling_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_LINKS_H_
