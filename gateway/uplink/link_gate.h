// SPDX-License-Identifier: Apache-2.0
//
// Backpressure from the loops to the link. The link checks the gate before each
// read; a full inbox closes it. While it is closed, frames wait in gRPC, and
// then in the service's outbox for this gateway. At that outbox's bound
// the link ends, so a slow loop does not grow the memory.
//
// Threads: any, for every method.

#ifndef HERALD_GATEWAY_UPLINK_LINK_GATE_H_
#define HERALD_GATEWAY_UPLINK_LINK_GATE_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

// High and low watermarks of a loop's inbox, in bytes. The link frame that
// exceeds the high watermark is still accepted.
inline constexpr int64_t kInboxBytesMax = 16 << 20;
inline constexpr int64_t kInboxBytesLow = kInboxBytesMax / 2;

class LinkGate {
 public:
  using Waiter = absl::AnyInvocable<void()>;

  // Close() notes that an inbox is full, Open() that it is not any more. Each
  // Close() has its Open(). The last Open() calls the waiter.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);
  void Open() ABSL_LOCKS_EXCLUDED(mu_);

  bool is_open() const ABSL_LOCKS_EXCLUDED(mu_);

  // The number of times that an open gate was closed.
  int64_t closings() const ABSL_LOCKS_EXCLUDED(mu_);

  // Calls `waiter` once: now if the gate is open, else in the call that opens
  // it.
  // REQUIRES: there is no waiter.
  void WhenOpen(Waiter waiter) ABSL_LOCKS_EXCLUDED(mu_);

  // Calls the waiter although the gate is closed: a link that ends must not
  // depend on loops.
  void Release() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable contract::Mutex mu_;
  int closed_ ABSL_GUARDED_BY(mu_) = 0;  // Full inboxes.
  int64_t closings_ ABSL_GUARDED_BY(mu_) = 0;
  Waiter waiter_ ABSL_GUARDED_BY(mu_);
};

// The size of a loop's inbox, in bytes: batches that are on their way into it,
// in it, or taken out and not delivered to their end. Closes the gate above
// kInboxBytesMax and opens it at kInboxBytesLow.
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

#endif  // HERALD_GATEWAY_UPLINK_LINK_GATE_H_
