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

// A turn's deliveries end when they have visited so many sockets, or given so
// many sockets something to write: about two milliseconds, because a visit
// takes up to half a microsecond and a write some five. Frames for the same
// sockets still leave in one write.
constexpr int64_t kVisitsPerTurn = 4096;
constexpr int64_t kWritesPerTurn = 256;

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
  if (batch.empty()) return;
  int64_t bytes = 0;
  for (const Delivery& delivery : batch) bytes += DeliveryBytes(delivery);
  meter_.Add(bytes);
  {
    MutexLock lock(&mu_);
    inbox_.push_back({std::move(batch), bytes});
    if (std::exchange(wakes_, true)) return;
  }
  net::post(context_, [this] { DeliverSome(); });
}

void EventLoop::TakeInbox() {
  MutexLock lock(&mu_);
  wakes_ = false;
  if (taken_.empty()) return taken_.swap(inbox_);
  std::move(inbox_.begin(), inbox_.end(), std::back_inserter(taken_));
  inbox_.clear();
}

void EventLoop::DeliverSome() {
  TakeInbox();
  delivering_ = true;
  const int64_t bytes = DeliverTaken();
  delivering_ = false;
  meter_.Remove(bytes);
  if (flush_due_ && !flush_posted_) Flush();
  if (taken_.empty()) return;
  {
    MutexLock lock(&mu_);
    if (std::exchange(wakes_, true)) return;
  }
  net::post(context_, [this] { DeliverSome(); });
}

int64_t EventLoop::DeliverTaken() {
  int64_t bytes = 0;
  int64_t visits_left = kVisitsPerTurn;
  const int64_t unwritten_max = shard_.unwritten_count() + kWritesPerTurn;
  while (!taken_.empty() && visits_left > 0 &&
         shard_.unwritten_count() < unwritten_max) {
    Batch& batch = taken_.front();
    visits_left -= shard_.Deliver(batch.deliveries[delivered_]);
    if (++delivered_ < batch.deliveries.size()) continue;
    bytes += batch.bytes;
    taken_.pop_front();
    delivered_ = 0;
  }
  return bytes;
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
