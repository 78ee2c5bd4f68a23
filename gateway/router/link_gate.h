// SPDX-License-Identifier: Apache-2.0
//
// Whether the link may be read: not while a loop has too much to do. The link
// asks the gate before each read; inboxes close and open it. So what the loops
// cannot take waits in gRPC, then in the service's outbox for this gateway,
// whose bound ends the link; and memory does not grow with a slow loop.
//
// Threads: any, for every method.

#ifndef HERALD_GATEWAY_ROUTER_LINK_GATE_H_
#define HERALD_GATEWAY_ROUTER_LINK_GATE_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

// What may wait for one loop, and what is few enough again to go on. The frame
// of the link that exceeds the bound is still taken.
inline constexpr int64_t kInboxBytesMax = 16 << 20;
inline constexpr int64_t kInboxBytesLow = kInboxBytesMax / 2;

class LinkGate {
 public:
  using Waiter = absl::AnyInvocable<void()>;

  // One more inbox is full; one less. Each Close() has its Open(), which calls
  // the waiter when no inbox is full any more.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);
  void Open() ABSL_LOCKS_EXCLUDED(mu_);

  bool is_open() const ABSL_LOCKS_EXCLUDED(mu_);

  // How often the last open inbox became full.
  int64_t closings() const ABSL_LOCKS_EXCLUDED(mu_);

  // Calls `waiter` once: now if the gate is open, or else from the call that
  // opens it. REQUIRES: nobody waits.
  void WhenOpen(Waiter waiter) ABSL_LOCKS_EXCLUDED(mu_);

  // Calls who waits, though the gate is closed: the link ends, and must not
  // depend on loops for it.
  void Release() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable contract::Mutex mu_;
  int closed_ ABSL_GUARDED_BY(mu_) = 0;  // Full inboxes.
  int64_t closings_ ABSL_GUARDED_BY(mu_) = 0;
  Waiter waiter_ ABSL_GUARDED_BY(mu_);
};

// What waits for one loop: on its way into the loop's inbox, in it, or taken
// out and not delivered yet. Closes the gate above kInboxBytesMax and opens it
// at kInboxBytesLow.
class InboxMeter {
 public:
  // `gate` outlives the meter.
  explicit InboxMeter(LinkGate* gate) : gate_(gate) {}

  void Add(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);
  void Remove(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  int64_t bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  LinkGate* const gate_;

  mutable contract::Mutex mu_;
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool full_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_LINK_GATE_H_
