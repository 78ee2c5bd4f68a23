// SPDX-License-Identifier: Apache-2.0
//
// Subscribes sockets to channels and unsubscribes them: a gateway's question,
// the authorizer's decision, the admission, and the answer.
//
//   subscribe -> authorizer -> channel opened -> admission
//     -> subscribed | refused
//
// Order: `subscribed` is enqueued with the channel's shard locked: after all
// earlier events of the channel (the admission's own member_added, too), and
// before all later ones. Between two steps the link may end and the rules may
// change; both are checked again.
//
// Threads: any; calls for one attachment do not overlap, except decisions.

#ifndef HERALD_SERVICE_SUBSCRIPTIONS_SUBSCRIPTIONS_H_
#define HERALD_SERVICE_SUBSCRIPTIONS_SUBSCRIPTIONS_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/calls/calls.h"
#include "service/channel/channel_table.h"
#include "service/channel/fanout.h"
#include "service/engine/open_channels.h"
#include "service/engine/ports.h"
#include "service/gateways/attachment.h"
#include "service/subscriptions/authorizer.h"
#include "service/subscriptions/refusal.h"

namespace herald::core {

class Subscriptions {
 public:
  // All outlive the object, and its callbacks. `channels_max`: for messages.
  Subscriptions(const Ports& ports, Authorizer* authorizer, Fanout* fanout,
                OpenChannels* open, Calls* calls, int64_t channels_max)
      : table_(ports.table),
        log_(ports.log),
        membership_(ports.membership),
        observer_(ports.observer),
        readiness_(ports.readiness),
        authorizer_(authorizer),
        fanout_(fanout),
        open_(open),
        calls_(calls),
        channels_max_(channels_max) {}

  // Items of a gateway. An error ends its link.
  absl::Status OnSubscribe(const AttachmentPtr& gateway,
                           link::v1::Subscribe subscribe);
  absl::Status OnCancel(const AttachmentPtr& gateway, int64_t ticket);
  absl::Status OnUnsubscribe(const AttachmentPtr& gateway,
                             const link::v1::Unsubscribe& unsubscribe);
  // Asks the authorizer again about a confirmed subscription.
  absl::Status OnRenew(const AttachmentPtr& gateway,
                       link::v1::Subscribe subscribe);

 private:
  void Decide(const AttachmentPtr& gateway, int64_t ticket, Verdict decision);
  // A granted subscribe that is not confirmed yet.
  struct Granted {
    AttachmentPtr gateway;
    PendingSubscribe question;
    Verdict decision;
    bool renewable = false;
  };
  void Allow(Granted granted);
  // Whether the yes lacks the member that the channel needs.
  static bool NeedsMember(const ChannelShard& shard, const Granted& granted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  static Refusal NoMember();
  Refusal TooManyChannels() const;
  // The channel is open.
  void Admit(ChannelShard& shard, Granted granted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  // The engine has decided. `present`: the subscription makes a user present.
  void Finish(ChannelShard& shard, Granted granted, bool present,
              Admission admission) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void Confirm(ChannelShard& shard, Granted granted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void Refuse(const AttachmentPtr& gateway, const PendingSubscribe& question,
              link::v1::Refused::Code code, absl::string_view reason);
  // The same, after the shard's lock is released.
  void RefuseLater(ChannelShard& shard, Granted granted, Refusal refusal)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  Refusal RefusalOf(const ChannelShard& shard, absl::string_view channel,
                    Admission admission) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  ChannelTable* const table_;
  ChannelLog* const log_;
  Membership* const membership_;
  ServiceObserver* const observer_;
  const Readiness* const readiness_;
  Authorizer* const authorizer_;
  Fanout* const fanout_;
  OpenChannels* const open_;
  Calls* const calls_;
  const int64_t channels_max_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_SUBSCRIPTIONS_SUBSCRIPTIONS_H_
