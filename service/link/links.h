// SPDX-License-Identifier: Apache-2.0
//
// The life of gateways' links: hello, held channels, items, end. Other classes
// handle the contents of the items.
//
//   hello -> attach number
//   held ... attached -> each channel opened and its members replaced
//     -> missed commands and revocations -> settled -> items
//
// Items that arrive before the engine has answered are queued, so that they are
// applied after everything that the gateway holds.
//
// Threads: any; Handle() and Close() of one attachment from one thread at a
// time.

#ifndef HERALD_SERVICE_LINK_LINKS_H_
#define HERALD_SERVICE_LINK_LINKS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/calls/calls.h"
#include "service/channel/sink.h"
#include "service/engine/engine_events.h"
#include "service/engine/open_channels.h"
#include "service/engine/ports.h"
#include "service/gateways/attachment.h"
#include "service/gateways/core_options.h"
#include "service/gateways/gateways.h"
#include "service/gateways/link_bytes.h"
#include "service/link/adoptions.h"
#include "service/link/recoveries.h"
#include "service/link/settling.h"
#include "service/link/whispers.h"
#include "service/subscriptions/sign_ins.h"
#include "service/subscriptions/subscriptions.h"

namespace herald::core {

class Links final : public LeaseListener {
 public:
  // The objects that links call. All outlive the object.
  struct Parts {
    LinkBytes* bytes = nullptr;
    OpenChannels* open = nullptr;
    Calls* calls = nullptr;
    Gateways* gateways = nullptr;
    Whispers* whispers = nullptr;
    Subscriptions* subscriptions = nullptr;
    SignIns* sign_ins = nullptr;
    Recoveries* recoveries = nullptr;
    Adoptions* adoptions = nullptr;
    Settling* settling = nullptr;
  };
  Links(const Ports& ports, const CoreOptions& options, const Parts& parts);

  // For the bytes that a link of this address holds. Its sink adds the state in
  // its outbox.
  LinkBytes::AccountPtr OpenAccount(admission::Source source) {
    return bytes_->Open(source);
  }

  // Starts the deadline of a link's hello. Destroy the result when the hello
  // arrives.
  std::shared_ptr<void> AwaitHello(const SinkPtr& sink);

  // A link's first item. Ends an earlier link of the same gateway. `proven`:
  // hello.secret belongs to hello.gateway_id. `account` is of OpenAccount(),
  // and knows the sink.
  // PERMISSION_DENIED: the gateway with this id is proven, and this link is
  // not. RESOURCE_EXHAUSTED: there are kLinksMax links, and none of them gives
  // way. Others: see CheckHello().
  absl::StatusOr<AttachmentPtr> Open(const link::v1::Hello& hello, SinkPtr sink,
                                     bool proven = false,
                                     LinkBytes::AccountPtr account = nullptr);

  // A later item. An error ends the link: INVALID_ARGUMENT for a broken rule.
  absl::Status Handle(const AttachmentPtr& gateway, link::v1::GatewayItem item);

  // The link has ended: removes its subscriptions. Its members stay present
  // until the lease expires, or leave at once after a goodbye.
  void Close(const AttachmentPtr& gateway, absl::string_view why);

  // The service stops: ends all links. Those to come are refused.
  void Stop();

 private:
  absl::Status Pass(const AttachmentPtr& gateway, link::v1::GatewayItem item);
  absl::Status OnHeld(const AttachmentPtr& gateway, link::v1::Held held);
  absl::Status OnAttached(const AttachmentPtr& gateway);
  // LeaseListener.
  void OnLeaseEnded(uint64_t gateway, int64_t attach) override;

  void AskForNumber(const AttachmentPtr& gateway);
  // The engine has assigned the gateway's attach number, or has failed to.
  void OnAttachNumber(const AttachmentPtr& gateway,
                      const absl::StatusOr<int64_t>& attach);

  absl::Status Adopt(const AttachmentPtr& gateway,
                     std::vector<link::v1::Held> held);
  void OnAdopted(const AttachmentPtr& gateway, const absl::Status& status);
  // Ends the link for an item that Handle() has accepted and queued.
  void Fail(const AttachmentPtr& gateway, const absl::Status& status);
  // Queues the item if the adoption of the gateway is still in progress.
  // RESOURCE_EXHAUSTED: the queue would exceed CoreOptions::held_bytes_max.
  absl::Status Wait(const AttachmentPtr& gateway, link::v1::GatewayItem& item,
                    bool* waits);
  void HandleWaiting(const AttachmentPtr& gateway);
  // The link has ended and got no attach number, so no engine ends its lease.
  void ForgetNumberless(const AttachmentPtr& gateway);
  // Sends the items that were recorded while the gateway was away.
  void Replay(const AttachmentPtr& gateway);
  void OnReplayed(const AttachmentPtr& gateway);

  ChannelTable* const table_;
  Membership* const membership_;
  NodeBus* const bus_;
  Timers* const timers_;
  ServiceObserver* const observer_;
  const Readiness* const readiness_;
  const CoreOptions options_;
  LinkBytes* const bytes_;
  OpenChannels* const open_;
  Calls* const calls_;
  Gateways* const gateways_;
  Whispers* const whispers_;
  Subscriptions* const subscriptions_;
  SignIns* const sign_ins_;
  Recoveries* const recoveries_;
  Adoptions* const adoptions_;
  Settling* const settling_;

  contract::Mutex attach_order_;  // Held while an attach number is asked for.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_LINKS_H_
