// SPDX-License-Identifier: Apache-2.0
//
// Sends missed publications of channels with history: to gateways that return,
// and to gateways that ask on behalf of their sockets.
//
// Bound: a question is answered while the state in the link's outbox is below
// its bound; until then it waits in the attachment. A link with too many
// waiting questions ends.
//
// Threads: any.

#ifndef HERALD_SERVICE_LINK_RECOVERIES_H_
#define HERALD_SERVICE_LINK_RECOVERIES_H_

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/channel/channel_table.h"
#include "service/channel/position.h"
#include "service/engine/ports.h"
#include "service/gateways/attachment.h"

namespace herald::core {

class Recoveries {
 public:
  explicit Recoveries(const Ports& ports)
      : table_(ports.table),
        log_(ports.log),
        timers_(ports.timers),
        observer_(ports.observer) {}

  // A gateway asks. Answers at once, or when the outbox is below its bound
  // again. RESOURCE_EXHAUSTED, which ends the link: 100,000 questions wait
  // already.
  absl::Status OnRecover(const AttachmentPtr& gateway,
                         link::v1::Recover recover);

  // A gateway that has returned holds the channel. Sends the publications that
  // it has missed, or a position with `lost` if they are not available, and
  // calls `done` with the shard locked. The gateway then has all deliveries, so
  // `done` adds it to the table. REQUIRES: the channel is open and stays so;
  // `held` lives until `done`.
  using RepairDone = absl::AnyInvocable<void(ChannelShard& shard)>;
  void Repair(ChannelShard& shard, const AttachmentPtr& gateway,
              const link::v1::Held& held, RepairDone done)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

 private:
  void Recover(const AttachmentPtr& gateway, link::v1::Recover recover);
  void RecoverWaiting(const AttachmentPtr& gateway);
  void Answer(ChannelShard& shard, const AttachmentPtr& gateway,
              const link::v1::Recover& recover, Missed missed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  ChannelTable* const table_;
  ChannelLog* const log_;
  Timers* const timers_;
  ServiceObserver* const observer_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_RECOVERIES_H_
