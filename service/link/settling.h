// SPDX-License-Identifier: Apache-2.0
//
// Ends the start when all gateways with a link have attached, or are silent
// before they have, or after a time limit: gateways receive rosters, and the
// service is ready. A gateway that was silent attaches as one that dials later.
//
// Threads: any.

#ifndef HERALD_SERVICE_LINK_SETTLING_H_
#define HERALD_SERVICE_LINK_SETTLING_H_

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"
#include "service/channel/fanout.h"
#include "service/engine/ports.h"
#include "service/gateways/attachment.h"
#include "service/gateways/core_options.h"
#include "service/gateways/gateways.h"

namespace herald::core {

class Settling {
 public:
  // `fanout` and `gateways` outlive the object.
  Settling(const Ports& ports, const CoreOptions& options, Fanout* fanout,
           Gateways* gateways)
      : table_(ports.table),
        timers_(ports.timers),
        observer_(ports.observer),
        readiness_(ports.readiness),
        fanout_(fanout),
        gateways_(gateways),
        settle_min_(options.settle_min),
        settle_hello_(options.settle_hello),
        settle_max_(options.settle_max),
        attach_pause_max_(options.attach_pause_max),
        start_time_(ports.timers->Now()) {}

  // Opens the settling time.
  void Start();

  // A gateway's subscriptions were adopted.
  void OnAttached(const AttachmentPtr& gateway);

  // Ends the start if its conditions are met.
  void SettleIfDue() ABSL_LOCKS_EXCLUDED(mu_);

  absl::Time start_time() const { return start_time_; }

 private:
  // Ends the start if its conditions are met, now or later: no call follows the
  // silence of a gateway.
  void SettleWhenDue();
  bool Settle();  // False if the service was stopped.

  ChannelTable* const table_;
  Timers* const timers_;
  ServiceObserver* const observer_;
  Readiness* const readiness_;
  Fanout* const fanout_;
  Gateways* const gateways_;
  const absl::Duration settle_min_;
  const absl::Duration settle_hello_;
  const absl::Duration settle_max_;
  const absl::Duration attach_pause_max_;
  const absl::Time start_time_;

  contract::Mutex mu_;
  bool min_over_ ABSL_GUARDED_BY(mu_) = false;
  bool hello_over_ ABSL_GUARDED_BY(mu_) = false;
  bool max_over_ ABSL_GUARDED_BY(mu_) = false;
  bool settling_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_SETTLING_H_
