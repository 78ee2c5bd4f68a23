// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/event_loop.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "gateway/net/random.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using contract::MutexLock;

// If a tick comes later than this, the loop was paused with its process, or was
// too busy to read.
constexpr absl::Duration kTickGapMax = absl::Milliseconds(500);

constexpr int64_t kHalfOpenMin = 8;
constexpr int64_t kUnfinishedBytes = 32 << 20;  // Of all loops together.
constexpr int64_t kUnfinishedBytesOfLoop = 16 << 20;
constexpr int64_t kUnfinishedMessagesMin = 4;

}  // namespace

int64_t UnfinishedBytesMax(size_t message_bytes_max, int64_t loops) {
  return std::max(
      std::min(kUnfinishedBytesOfLoop, kUnfinishedBytes / loops),
      kUnfinishedMessagesMin * static_cast<int64_t>(message_bytes_max));
}

EventLoop::EventLoop(int index, GatewayState* state)
    : index_(index),
      state_(state),
      start_(Clock::now()),
      meter_(&state->link_gate),
      half_open_(
          std::max(kHalfOpenMin, state->half_open_max / state->shard_count)),
      unfinished_(UnfinishedBytesMax(0, state->shard_count)),
      awake_(Monotonic(), TimerWheel::kSlot, kTickGapMax),
      shard_({index, state->subscriptions_max, state->client_rates,
              state->write_timeout},
             state->router, this, state->observer, Monotonic()),
      context_(/*concurrency_hint=*/1),
      tick_(context_.get_executor()),
      flush_timer_(context_.get_executor()) {}

EventLoop::~EventLoop() { contract::Require(!thread_.joinable()); }

void EventLoop::Start() {
  StartTick();
  thread_ = std::thread([this] { context_.run(); });
}

void EventLoop::Join() {
  if (thread_.joinable()) thread_.join();
}

absl::Time EventLoop::Monotonic() const {
  return absl::UnixEpoch() + absl::FromChrono(Clock::now() - start_);
}

void EventLoop::Post(std::vector<Delivery> batch) {
  int64_t bytes = 0;
  for (const Delivery& delivery : batch) bytes += DeliveryBytes(delivery);
  meter_.Add(bytes);
  {
    MutexLock lock(&mu_);
    inbox_bytes_ += bytes;
    const bool wakes = inbox_.empty();
    if (wakes) {
      inbox_ = std::move(batch);
    } else {
      inbox_.insert(inbox_.end(), std::make_move_iterator(batch.begin()),
                    std::make_move_iterator(batch.end()));
    }
    if (!wakes) return;
  }
  net::post(context_, [this] { DeliverAll(); });
}

void EventLoop::DeliverAll() {
  std::vector<Delivery> batch;
  int64_t bytes = 0;
  {
    MutexLock lock(&mu_);
    batch = std::exchange(inbox_, {});
    bytes = std::exchange(inbox_bytes_, 0);
  }
  delivering_ = true;
  shard_.Deliver(std::move(batch));
  delivering_ = false;
  meter_.Remove(bytes);
  if (flush_due_ && !flush_posted_) Flush();
}

void EventLoop::RequestFlush() {
  flush_due_ = true;
  if (delivering_) return;  // Its end flushes.
  flush_posted_ = true;
  net::post(context_, [this] {
    flush_posted_ = false;
    Flush();
  });
}

void EventLoop::RequestFlushAt(absl::Time when) {
  // Each earlier flush requests the later one again.
  if (flush_at_ <= when) return;
  flush_at_ = when;
  flush_timer_.expires_at(start_ +
                          absl::ToChronoNanoseconds(when - absl::UnixEpoch()));
  flush_timer_.async_wait([this](error_code ec) {
    if (ec) return;  // An earlier deadline has replaced this one.
    flush_at_ = absl::InfiniteFuture();
    Flush();
  });
}

void EventLoop::Flush() {
  flush_due_ = false;
  shard_.FlushDirty();
  PublishQueueBytes();
}

void EventLoop::PublishQueueBytes() {
  published_queue_bytes_.store(queue_bytes_, std::memory_order_relaxed);
}

void EventLoop::StartTick() {
  tick_.expires_after(absl::ToChronoNanoseconds(TimerWheel::kSlot));
  tick_.async_wait([this](error_code ec) {
    if (!ec) OnTick();
  });
}

void EventLoop::OnTick() {
  const absl::Time now = Monotonic();
  published_half_open_.store(half_open_.weight(), std::memory_order_relaxed);
  published_unfinished_bytes_.store(unfinished_.weight(),
                                    std::memory_order_relaxed);
  // The service may have changed the bound on a message.
  unfinished_.SetMax(
      UnfinishedBytesMax(shard_.message_bytes_max(), state_->shard_count));
  shard_.Advance(awake_.Read(now), now);
  DrainSome();
  // Bytes that this turn is about to write are not counted as queued.
  if (!flush_due_) PublishQueueBytes();
  StartTick();
}

void EventLoop::StartDrain(absl::Duration time) {
  net::post(context_, [this, time] {
    drain_.emplace(Monotonic(), time, shard_.session_count(),
                   ReturnWindow(time, state_->connections.total()),
                   RandomNumber());
    DrainSome();
  });
}

void EventLoop::DrainSome() {
  if (!drain_.has_value()) return;
  const int64_t open = shard_.CloseSome(0, &*drain_);
  const int64_t allowed = drain_->Allowed(Monotonic());
  if (open > allowed) shard_.CloseSome(open - allowed, &*drain_);
}

}  // namespace herald::gateway
