// SPDX-License-Identifier: Apache-2.0
//
// Adopts the subscriptions of a gateway that attaches. It opens each channel,
// replaces the gateway's subscriptions and members in the engine, sends the
// missed publications, and adds the subscriptions to the table.
//
// Order in a channel: the engine comes first, so that a user who has stayed
// does not leave and join. Then the missed publications are sent, which needs
// an open channel. Then the gateway is added to the table, and receives
// publications from there on. The roster comes last, and includes all members.
//
// A turn adopts kChannelsPerTurn channels, and timers run the next turn. So a
// gateway with a million channels does not delay others.
//
// Threads: any; one call for an attachment.

#ifndef HERALD_SERVICE_LINK_ADOPTIONS_H_
#define HERALD_SERVICE_LINK_ADOPTIONS_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/channel/channel_table.h"
#include "service/channel/fanout.h"
#include "service/engine/membership.h"
#include "service/engine/open_channels.h"
#include "service/engine/ports.h"
#include "service/gateways/attachment.h"
#include "service/link/recoveries.h"

namespace herald::core {

class Adoptions {
 public:
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  static constexpr size_t kChannelsPerTurn = 1000;

  // All outlive the object.
  Adoptions(const Ports& ports, Fanout* fanout, OpenChannels* open,
            Recoveries* recoveries)
      : table_(ports.table),
        membership_(ports.membership),
        timers_(ports.timers),
        fanout_(fanout),
        open_(open),
        recoveries_(recoveries) {}

  // `held` lists the gateway's channels, each once. `done` is called
  // without a lock; an error is the first of Membership::Replace() or
  // ChannelLog::Open(), and the link must end. REQUIRES: `gateway` has its
  // attach number.
  void Begin(const AttachmentPtr& gateway, std::vector<link::v1::Held> held,
             Done done);

 private:
  class Adoption;
  using AdoptionPtr = std::shared_ptr<Adoption>;

  // Opens the channels of one turn, beginning with the one at index `first`.
  void Continue(const AdoptionPtr& adoption, size_t first);
  void Open(const AdoptionPtr& adoption, const link::v1::Held& held);
  void Replace(ChannelShard& shard, const AdoptionPtr& adoption,
               const link::v1::Held& held)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  // Sends the missed publications, and adds the subscriptions to the table.
  void Count(ChannelShard& shard, const AdoptionPtr& adoption,
             const link::v1::Held& held)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  // The channel's share is done: releases its hold.
  void End(ChannelShard& shard, const AdoptionPtr& adoption,
           const link::v1::Held& held, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  ChannelTable* const table_;
  Membership* const membership_;
  Timers* const timers_;
  Fanout* const fanout_;
  OpenChannels* const open_;
  Recoveries* const recoveries_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_ADOPTIONS_H_
