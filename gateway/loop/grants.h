// SPDX-License-Identifier: Apache-2.0
//
// The grants of one loop's private subscriptions: when each one ends, and when
// the service is asked to renew it. A grant is renewed from nine tenths of its
// life on. It ends on time, whether or not the service answers.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_LOOP_GRANTS_H_
#define HERALD_GATEWAY_LOOP_GRANTS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "gateway/channels/delivery.h"
#include "gateway/loop/loop_state.h"
#include "gateway/subscriptions/subscription_table.h"
#include "gateway/subscriptions/tickets.h"

namespace herald::gateway {

// The most renewals per TimerWheel::kSlot, if all grants are renewed or the
// authorizer could not decide before. The authorizer has other work too.
inline constexpr int64_t kRenewalsPerSlot = 100;

class Grants {
 public:
  // The pointers outlive it.
  Grants(LoopState* state, const Tickets* tickets)
      : state_(state), tickets_(tickets) {}

  // A grant of `life` begins now. REQUIRES, here and below: the subscription
  // has a grant.
  void Begin(Subscription* subscription, absl::Duration life);
  // The subscription ends.
  void Forget(const Subscription& subscription);

  // Asks for the renewals that are due. Returns the subscriptions with a grant
  // that has ended; the caller ends them.
  std::vector<Subscription*> AskDue();

  // The service has answered. False if the answer is no: the caller ends the
  // subscription.
  bool OnRenewed(Subscription* subscription, const Renewed& renewed);

  // Asks for all renewals, kRenewalsPerSlot at a time.
  void RenewAll();

 private:
  void Ask(Subscription* subscription);
  // The grant is due at `when`, and not before.
  void Schedule(Subscription* subscription, absl::Time when);
  // The renewal is due at `when`, or in the first slot after it that is not
  // full, or when the grant ends.
  void ScheduleRenewal(Subscription* subscription, absl::Time when);

  LoopState* const state_;
  const Tickets* const tickets_;
  // The times at which grants are due, each with its ticket.
  absl::btree_set<std::pair<absl::Time, int64_t>> due_;
  // The last slot that has renewals, and how many.
  absl::Time renewal_slot_ = absl::InfinitePast();
  int64_t renewals_in_slot_ = 0;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_GRANTS_H_
