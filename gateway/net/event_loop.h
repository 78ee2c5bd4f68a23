// SPDX-License-Identifier: Apache-2.0
//
// One io_context, one thread and one shard. A socket stays on its loop for its
// whole life.
//
// Threads: any thread may call Post(), StartDrain(), Stop(), queue_bytes() and
// inbox_bytes(). The owner's thread calls Start() and Join(). The loop's own
// thread calls all other methods.
//
// Lifetime: the owner calls Stop() and Join(). It destroys the loop after every
// object that can call Post(). The destructor cuts the sockets that are still
// open.
//
// Order: batches are delivered in the order of their Post(). A turn visits a
// bounded number of sockets (event_loop.cc), then writes them. The rest of the
// inbox follows behind the handlers that are ready by then, so a full inbox
// does not delay reads, pings and timers.
//
// Bound: the link is not read while the inbox is above kInboxBytesMax
// (link_gate.h). The sources of connections share two more bounds
// (fair_shares.h). This loop's part of GatewayState::half_open_max bounds
// connections that are not WebSockets yet. UnfinishedBytesMax() bounds
// unfinished messages.

#ifndef HERALD_GATEWAY_NET_EVENT_LOOP_H_
#define HERALD_GATEWAY_NET_EVENT_LOOP_H_

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gateway/channels/delivery.h"
#include "gateway/net/gateway_state.h"
#include "gateway/session/drain.h"
#include "gateway/session/shard.h"
#include "gateway/uplink/link_gate.h"
#include "gateway/websocket/aliases.h"
#include "gateway/websocket/websocket_reader.h"
#include "proto/admission/fair_shares.h"
#include "proto/contract/awake_clock.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

// The bound on the unfinished messages of one of `loops` loops, in bytes, if a
// message may have up to `message_bytes_max` bytes.
int64_t UnfinishedBytesMax(size_t message_bytes_max, int64_t loops);

class EventLoop final : public Loop, public ShardInbox {
 public:
  // `index` is from 0 to state->shard_count - 1; `state` outlives the loop.
  EventLoop(int index, GatewayState* state);
  ~EventLoop() override;

  // Starts running, on a thread of its own.
  void Start();
  // Makes the thread end after its current handler.
  void Stop() { context_.stop(); }
  void Join();

  // Closes all sockets with kGoingAway, spread evenly over `time`. Each close
  // carries the delay after which its client should reconnect (drain.h).
  void StartDrain(absl::Duration time);

  // Bytes queued in the outboxes of all sockets, as of the last tick.
  int64_t queue_bytes() const {
    return published_queue_bytes_.load(std::memory_order_relaxed);
  }

  // Connections that are not WebSockets yet, and the bytes of unfinished
  // messages, as of the last tick.
  int64_t half_open_count() const {
    return published_half_open_.load(std::memory_order_relaxed);
  }
  int64_t unfinished_bytes() const {
    return published_unfinished_bytes_.load(std::memory_order_relaxed);
  }

  // Bytes queued for delivery to the outboxes.
  int64_t inbox_bytes() const { return meter_.bytes(); }

  // ShardInbox:
  void Post(std::vector<Delivery> batch) override ABSL_LOCKS_EXCLUDED(mu_);

  // Loop:
  void RequestFlush() override;
  void RequestFlushAt(absl::Time when) override;
  absl::Time Now() const override { return absl::Now(); }
  absl::Time Monotonic() const override;

  // For the sessions of this loop. -----------------------------------------

  net::io_context& context() { return context_; }
  GatewayState& state() { return *state_; }
  Shard& shard() { return shard_; }
  int index() const { return index_; }
  int64_t* queue_bytes_counter() { return &queue_bytes_; }

  ReaderPool& readers() { return readers_; }

  admission::FairShares& half_open() { return half_open_; }
  admission::FairShares& unfinished() { return unfinished_; }

  // Keeps an object (a socket) alive until Release().
  void Hold(std::shared_ptr<void> object) { held_.insert(std::move(object)); }
  void Release(const std::shared_ptr<void>& object) { held_.erase(object); }

 private:
  using Clock = std::chrono::steady_clock;
  using AsioTimer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>,
                                              net::io_context::executor_type>;

  // What one Post() has brought.
  struct Batch {
    std::vector<Delivery> deliveries;
    int64_t bytes = 0;
  };

  void TakeInbox() ABSL_LOCKS_EXCLUDED(mu_);
  void DeliverSome() ABSL_LOCKS_EXCLUDED(mu_);
  // Returns the bytes of the batches that have ended.
  int64_t DeliverTaken();
  void Flush();
  void PublishQueueBytes();
  void StartTick();
  void OnTick();
  void DrainSome();

  // Constant after construction.
  const int index_;
  GatewayState* const state_;
  const Clock::time_point start_;

  std::atomic<int64_t> published_queue_bytes_{0};
  std::atomic<int64_t> published_half_open_{0};
  std::atomic<int64_t> published_unfinished_bytes_{0};
  InboxMeter meter_;

  // Loop thread only. The context is destroyed before the members above it: its
  // handlers own the sockets, which are registered with the shard and count
  // their bytes.
  int64_t queue_bytes_ = 0;
  admission::FairShares half_open_;
  admission::FairShares unfinished_;
  bool flush_due_ = false;     // Requested, and not started.
  bool flush_posted_ = false;  // A flush of its own is posted.
  absl::Time flush_at_ = absl::InfiniteFuture();  // The timer's expiry.
  bool delivering_ = false;
  std::optional<Drain> drain_;  // Set by StartDrain().
  contract::AwakeClock awake_;
  Shard shard_;
  net::io_context context_;
  AsioTimer tick_;
  AsioTimer flush_timer_;
  ReaderPool readers_;
  absl::flat_hash_set<std::shared_ptr<void>> held_;
  std::deque<Batch> taken_;  // From the inbox, and not delivered yet.
  size_t delivered_ = 0;     // Of the first one's deliveries.

  contract::Mutex mu_;
  std::deque<Batch> inbox_ ABSL_GUARDED_BY(mu_);
  bool wakes_ ABSL_GUARDED_BY(mu_) = false;  // DeliverSome() is posted.

  std::thread thread_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_EVENT_LOOP_H_
