// SPDX-License-Identifier: Apache-2.0
//
// How sockets come to channels and leave them: a gateway's question, the
// authorizer's decision, the admission, and the answer.
//
//   subscribe -> authorizer -> Admit() -> subscribed | refused
//
// Order: `subscribed` is enqueued with the channel's shard locked, behind all
// that happened on the channel before and in front of all that happens after.
//
// Threads: any; those of one attachment one at a time, but for decisions.

#ifndef HERALD_SERVICE_LINK_SUBSCRIPTIONS_H_
#define HERALD_SERVICE_LINK_SUBSCRIPTIONS_H_

#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/channel/channel_table.h"
#include "service/channel/fanout.h"
#include "service/engine/ports.h"
#include "service/engine/upkeep.h"
#include "service/link/attachment.h"
#include "service/link/authorizer.h"
#include "service/link/calls.h"

namespace herald::core {

class Subscriptions {
 public:
  // All outlive the object, and its callbacks. `channels_max`: for messages.
  Subscriptions(const Ports& ports, Authorizer* authorizer, Fanout* fanout,
                Upkeep* upkeep, Calls* calls, int64_t channels_max)
      : table_(ports.table),
        engine_(ports.engine),
        observer_(ports.observer),
        readiness_(ports.readiness),
        authorizer_(authorizer),
        fanout_(fanout),
        upkeep_(upkeep),
        calls_(calls),
        channels_max_(channels_max) {}

  // Items of a gateway. An error ends its link.
  absl::Status OnSubscribe(const AttachmentPtr& gateway,
                           link::v1::Subscribe subscribe);
  absl::Status OnCancel(const AttachmentPtr& gateway, int64_t ticket);
  absl::Status OnUnsubscribe(const AttachmentPtr& gateway,
                             const link::v1::Unsubscribe& unsubscribe);
  // Asks the authorizer anew about a subscription that was confirmed.
  absl::Status OnRenew(const AttachmentPtr& gateway,
                       link::v1::Subscribe subscribe);

 private:
  void Decide(const AttachmentPtr& gateway, int64_t ticket, Decision decision);
  void Allow(const AttachmentPtr& gateway, const PendingSubscribe& question,
             Decision decision, bool renewable);
  void Refuse(const AttachmentPtr& gateway, const PendingSubscribe& question,
              link::v1::Refused::Code code, absl::string_view reason);
  // Nothing if the channel may have one more subscription.
  std::optional<Refusal> Admit(Shard& shard, absl::string_view channel,
                               const std::optional<v1::Member>& member)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  ChannelTable* const table_;
  Engine* const engine_;
  Observer* const observer_;
  const Readiness* const readiness_;
  Authorizer* const authorizer_;
  Fanout* const fanout_;
  Upkeep* const upkeep_;
  Calls* const calls_;
  const int64_t channels_max_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_SUBSCRIPTIONS_H_
