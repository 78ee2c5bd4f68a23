// SPDX-License-Identifier: Apache-2.0
//
// The gateways that have a link, those that were lost, and the settings, which
// are sent to all of them.
//
// Threads: any. Its lock is held briefly, and no shard is locked under it.

#ifndef HERALD_SERVICE_GATEWAYS_GATEWAYS_H_
#define HERALD_SERVICE_GATEWAYS_GATEWAYS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "herald/config/v1/config.pb.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/channel/readiness.h"
#include "service/channel/sink.h"
#include "service/channel/timers.h"
#include "service/gateways/attachment.h"
#include "service/gateways/leases.h"

namespace herald::core {

// Gateways that may have a link at once. A proven gateway that recently had a
// link may return nevertheless, up to twice as many. Beyond the bound a link
// gives way to a new one, or the new one is RESOURCE_EXHAUSTED:
//
// - If another source has more links than the newcomer's would have, the
//   youngest of that source: first of those that have neither a subscription
//   nor shown a secret, then of those without a subscription, then of all.
// - Else the youngest without a subscription of the newcomer's own source. A
//   link that has shown a secret gives way only to one that has, too.
inline constexpr size_t kLinksMax = 1024;

class Gateways {
 public:
  // `timers` outlives the object.
  Gateways(link::v1::Settings settings, Timers* timers)
      : timers_(timers), settings_(std::move(settings)) {}

  // Links that the caller has to end for a new one; nullptr: none.
  struct Displaced {
    AttachmentPtr old;  // Of the same gateway, and replaced already.
    AttachmentPtr
        evicted;  // Of another one; counts no more, but is not removed.
  };

  // Enqueues the settings and adds the link. Errors are those of Links::Open().
  absl::Status Add(const AttachmentPtr& gateway, Displaced* displaced)
      ABSL_LOCKS_EXCLUDED(mu_);

  // The link has ended. Its lease begins, unless it sent `goodbye`. False if a
  // newer link has replaced it.
  bool Remove(const AttachmentPtr& gateway) ABSL_LOCKS_EXCLUDED(mu_);

  // The lease is over, and after `memory` the gateway is forgotten. Empty if it
  // has returned.
  std::optional<Leases::Lease> EndLease(uint64_t gateway, int64_t attach,
                                        absl::Duration memory)
      ABSL_LOCKS_EXCLUDED(mu_);

  // The gateway's subscriptions were adopted. True if the service is ready:
  // send it `settled` now. Otherwise SettleAll() returns it later.
  bool MarkAttached(const AttachmentPtr& gateway, const Readiness& readiness)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Makes the service ready. Returns the gateways that have attached by then:
  // send them `settled`. Empty if the service is stopped.
  std::optional<std::vector<AttachmentPtr>> SettleAll(Readiness* readiness)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Whether a gateway is attaching: its holdings are being adopted, or some
  // came at `since` or later. InfinitePast: any that has not attached.
  bool IsAnyAttaching(absl::Time since) const ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<AttachmentPtr> All() const ABSL_LOCKS_EXCLUDED(mu_);

  // The link of the gateway with that id, or nullptr.
  AttachmentPtr Find(uint64_t id) const ABSL_LOCKS_EXCLUDED(mu_);
  // Whether it has a link, or had one recently (Leases).
  bool Knows(uint64_t id) const ABSL_LOCKS_EXCLUDED(mu_);

  // Sends new rules to all gateways, in one order with Add().
  void SetRules(const config::v1::Config& config) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // The link that gives way, or nullptr if none has to.
  absl::StatusOr<AttachmentPtr> CheckRoom(const Attachment& newcomer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // nullptr if none may give way.
  AttachmentPtr LinkToEvict(const Attachment& newcomer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Timers* const timers_;

  mutable contract::Mutex mu_;
  absl::flat_hash_map<uint64_t, AttachmentPtr> attachments_
      ABSL_GUARDED_BY(mu_);
  Leases leases_ ABSL_GUARDED_BY(mu_);
  link::v1::Settings settings_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_GATEWAYS_GATEWAYS_H_
