// SPDX-License-Identifier: Apache-2.0
//
// Takes over what a gateway holds when it attaches: opens each channel, makes
// its members those that the gateway says, sends what it has missed, and counts
// its subscriptions.
//
// Order, channel by channel: members first, for those who were there before the
// link ended and are still must not leave in between; then what was missed, for
// which the channel has to be open; then the count, from which on the gateway
// hears everything by itself; and last the roster, which includes them all.
//
// A turn takes over kChannelsPerTurn, the next ones come by the timers: who
// holds a million channels keeps nobody waiting but itself.
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
#include "service/link/attachment.h"
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

  // `held` is all that the gateway holds, each channel once. `done` is called
  // without a lock; an error is the first of Membership::Replace() or
  // ChannelLog::Open(), and the link must end. REQUIRES: `gateway` has its
  // attach number.
  void Begin(const AttachmentPtr& gateway, std::vector<link::v1::Held> held,
             Done done);

 private:
  class Adoption;
  using AdoptionPtr = std::shared_ptr<Adoption>;

  // Opens the channels from that one on, as many as a turn may.
  void Continue(const AdoptionPtr& adoption, size_t first);
  void Open(const AdoptionPtr& adoption, const link::v1::Held& held);
  void ReplaceMembers(Shard& shard, const AdoptionPtr& adoption,
                      const link::v1::Held& held)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void Count(Shard& shard, const AttachmentPtr& gateway,
             const link::v1::Held& held)
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
