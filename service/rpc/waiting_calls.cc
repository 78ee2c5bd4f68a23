// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/waiting_calls.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "grpc/support/alloc.h"

namespace herald::rpc {

using contract::MutexLock;

namespace {

// Sweeps are further apart only if the process was paused.
constexpr std::chrono::seconds kPause{1};

// The address of a call's peer, without its port.
std::string SourceOf(grpc_call* call) {
  const std::unique_ptr<char, void (*)(void*)> peer(grpc_call_get_peer(call),
                                                    gpr_free);
  const absl::string_view name = peer.get();
  return std::string(name.substr(0, name.rfind(':')));
}

}  // namespace

WaitingCalls::WaitingCalls(core::Timers* timers, Count* ended,
                           WaitingCallsOptions options)
    : options_(options),
      timers_(timers),
      ended_(ended),
      handle_(std::make_shared<Handle>()) {
  MutexLock lock(&handle_->mu);
  handle_->calls = this;
}

WaitingCalls::~WaitingCalls() {
  MutexLock lock(&handle_->mu);
  handle_->calls = nullptr;
}

void WaitingCalls::Add(Entry* entry) {
  entry->since = Clock::now();
  entry->waits = true;
  {
    MutexLock lock(&mu_);
    entry->before = newest_;
    (newest_ == nullptr ? oldest_ : newest_->behind) = entry;
    newest_ = entry;
    ++count_;
    used_ = true;
    if (std::exchange(sweeping_, true)) return;
    swept_ = entry->since;
  }
  SweepLater();
}

void WaitingCalls::Remove(Entry* entry) {
  MutexLock lock(&mu_);
  if (entry->waits) Unlink(entry);
}

void WaitingCalls::Unlink(Entry* entry) {
  (entry->before == nullptr ? oldest_ : entry->before->behind) = entry->behind;
  (entry->behind == nullptr ? newest_ : entry->behind->before) = entry->before;
  entry->waits = false;
  --count_;
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
    // While the process was paused, nobody could read what has come.
    const auto gap = now - std::exchange(swept_, now);
    if (gap > kPause) {
      for (Entry* one = oldest_; one != nullptr; one = one->behind) {
        one->since = std::min(now, one->since + gap);
      }
    }
    while (oldest_ != nullptr && oldest_->since <= old) {
      End(oldest_, GRPC_STATUS_DEADLINE_EXCEEDED,
          "the request did not come whole in time");
    }
    // Younger ones may be whole already and wait for a thread only.
    while (count_ > options_.count_max && oldest_->since <= settled) {
      End(OldestOfMost(settled), GRPC_STATUS_RESOURCE_EXHAUSTED,
          "too many requests have not come whole");
    }
    // Most calls wait for less than a sweep, so it pauses only when there are
    // no calls at all.
    sweeping_ = count_ > 0 || std::exchange(used_, false);
    if (!sweeping_) return;
  }
  SweepLater();
}

WaitingCalls::Entry* WaitingCalls::OldestOfMost(Clock::time_point settled) {
  absl::flat_hash_map<std::string, int> counts;
  int most = 0;
  for (Entry* one = oldest_; one != nullptr; one = one->behind) {
    if (one->source.empty()) one->source = SourceOf(one->call);
    most = std::max(most, ++counts[one->source]);
  }
  Entry* victim = oldest_;
  while (counts.at(victim->source) < most && victim->behind != nullptr &&
         victim->behind->since <= settled) {
    victim = victim->behind;
  }
  return counts.at(victim->source) == most ? victim : oldest_;
}

// The call is there until Remove(). On a thread of the timers gRPC runs no
// reaction within the call, so none of them meets the lock.
void WaitingCalls::End(Entry* entry, grpc_status_code code, const char* why) {
  Unlink(entry);
  rpc::Add(*ended_, 1);
  grpc_call_cancel_with_status(entry->call, code, why, nullptr);
}

}  // namespace herald::rpc
