// SPDX-License-Identifier: Apache-2.0
//
// The gateways that have a link, those that were lost, and the settings, which
// are sent to all of them.
//
// Threads: any. Its lock is held for a moment, never with a shard locked
// inside.

#ifndef HERALD_SERVICE_LINK_GATEWAYS_H_
#define HERALD_SERVICE_LINK_GATEWAYS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "herald/config/v1/config.pb.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/channel/readiness.h"
#include "service/channel/sink.h"
#include "service/channel/timers.h"
#include "service/link/attachment.h"
#include "service/link/leases.h"

namespace herald::core {

// Gateways that may have a link at once; one more is RESOURCE_EXHAUSTED. One
// that has proven itself and had a link a moment ago may return all the same,
// up to twice as many.
inline constexpr size_t kLinksMax = 1024;

class Gateways {
 public:
  // `timers` outlives the object.
  Gateways(link::v1::Settings settings, Timers* timers)
      : timers_(timers), settings_(std::move(settings)) {}

  // Takes the place of the link that the gateway has, which goes to `old`, and
  // enqueues the settings. Errors are those of Links::Open().
  absl::Status Add(const AttachmentPtr& gateway, const link::v1::Hello& hello,
                   AttachmentPtr* old) ABSL_LOCKS_EXCLUDED(mu_);

  // The link has ended, and unless it said goodbye its lease begins. False if a
  // newer link has taken its place.
  bool Remove(const AttachmentPtr& gateway) ABSL_LOCKS_EXCLUDED(mu_);

  // The lease is over, and after `memory` the gateway is forgotten. Nothing if
  // it has returned.
  std::optional<Leases::Lease> EndLease(uint64_t gateway, int64_t attach,
                                        absl::Duration memory)
      ABSL_LOCKS_EXCLUDED(mu_);

  // The gateway has said all that it holds. True if the service is ready, so
  // that it has to be told; otherwise SettleAll() has it in its list.
  bool MarkAttached(const AttachmentPtr& gateway, const Readiness& readiness)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Makes the service ready. Those that have attached by then, which are to be
  // told; nothing if it is stopped.
  std::optional<std::vector<AttachmentPtr>> SettleAll(Readiness* readiness)
      ABSL_LOCKS_EXCLUDED(mu_);

  bool AllAttached() const ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<AttachmentPtr> All() const ABSL_LOCKS_EXCLUDED(mu_);

  // The link of the gateway with that id, or nullptr.
  AttachmentPtr Find(uint64_t id) const ABSL_LOCKS_EXCLUDED(mu_);
  // Whether it has a link, or had one a moment ago.
  bool Knows(uint64_t id) const ABSL_LOCKS_EXCLUDED(mu_);

  // Tells all gateways of new rules, in one order with Add().
  void SetRules(const config::v1::Config& config) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Status CheckRoom(const link::v1::Hello& hello, bool proven) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Timers* const timers_;

  mutable contract::Mutex mu_;
  absl::flat_hash_map<uint64_t, AttachmentPtr> attachments_
      ABSL_GUARDED_BY(mu_);
  Leases leases_ ABSL_GUARDED_BY(mu_);
  link::v1::Settings settings_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_GATEWAYS_H_
