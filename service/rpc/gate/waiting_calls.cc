// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gate/waiting_calls.h"

#include <algorithm>
#include <utility>

#include "proto/admission/source.h"
#include "proto/http/peer.h"

namespace herald::rpc {

using contract::MutexLock;

namespace {

// Sweeps are further apart only if the process was paused.
constexpr std::chrono::seconds kLongestSweepGap{1};

}  // namespace

WaitingCalls::WaitingCalls(core::Timers* timers, Count* ended,
                           WaitingCallsOptions options)
    : options_(options),
      timers_(timers),
      ended_(ended),
      handle_(std::make_shared<Handle>()),
      waiting_(options.count_max) {
  MutexLock lock(&handle_->mu);
  handle_->calls = this;
}

WaitingCalls::~WaitingCalls() {
  MutexLock lock(&handle_->mu);
  handle_->calls = nullptr;
}

void WaitingCalls::Add(Entry* entry, grpc::CallbackServerContext* context) {
  const admission::Source source = process::ParsePeer(context->peer()).source();
  entry->calls_ = this;
  entry->call_ = context->c_call();
  entry->since_ = Clock::now();
  {
    MutexLock lock(&mu_);
    waiting_.Add(entry, source, /*weight=*/1);
    used_ = true;
    if (std::exchange(sweeping_, true)) return;
    swept_ = entry->since_;
  }
  SweepLater();
}

void WaitingCalls::Remove(Entry* entry) {
  MutexLock lock(&mu_);
  entry->Leave();
}

void WaitingCalls::SweepLater() {
  timers_->After(options_.moment, [handle = handle_] {
    MutexLock lock(&handle->mu);
    if (handle->calls != nullptr) handle->calls->Sweep();
  });
}

void WaitingCalls::Sweep() {
  const Clock::time_point now = Clock::now();
  const auto old = now - absl::ToChronoNanoseconds(options_.time_max);
  const auto settled = now - absl::ToChronoNanoseconds(options_.moment);
  {
    MutexLock lock(&mu_);
    // While the process was paused, gRPC could not read the bytes that arrived.
    const auto gap = now - std::exchange(swept_, now);
    if (gap > kLongestSweepGap) {
      for (Entry* one = oldest(); one != nullptr;
           one = static_cast<Entry*>(one->newer())) {
        one->since_ = std::min(now, one->since_ + gap);
      }
    }
    while (oldest() != nullptr && oldest()->since_ <= old) {
      Entry* const late = oldest();
      late->Leave();
      late->End(GRPC_STATUS_DEADLINE_EXCEEDED,
                "the request was not complete in time");
    }
    // Younger ones may be complete already and wait for a thread only.
    waiting_.EvictIfFull([settled](const auto& one) {
      return static_cast<const Entry&>(one).since_ <= settled;
    });
    // Most calls wait for less than a sweep, so it pauses only when there are
    // no calls at all.
    sweeping_ = oldest() != nullptr || std::exchange(used_, false);
    if (!sweeping_) return;
  }
  SweepLater();
}

void WaitingCalls::Entry::OnEvicted() {
  End(GRPC_STATUS_RESOURCE_EXHAUSTED, "too many requests are incomplete");
}

// The call is valid until Remove(). On a thread of the timers gRPC runs no
// reaction within the cancel, so none of them waits for the lock held here.
void WaitingCalls::Entry::End(grpc_status_code code, const char* why) {
  rpc::Add(*calls_->ended_, 1);
  grpc_call_cancel_with_status(call_, code, why, nullptr);
}

}  // namespace herald::rpc
