// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/link_bytes.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace herald::core {

using contract::MutexLock;

namespace {

// Memory that a kept message takes beyond itself: its place in a container, its
// name in `held_names`, the allocator's overhead.
constexpr int64_t kKeptBytes = 256;

// The memory of a link that was ended is freed a moment later.
constexpr absl::Duration kSweepPause = absl::Milliseconds(10);

}  // namespace

int64_t MemoryOf(const google::protobuf::Message& kept) {
  return kKeptBytes + static_cast<int64_t>(kept.SpaceUsedLong());
}

LinkBytes::Account::Account(std::shared_ptr<State> state,
                            admission::Source source)
    : state_(std::move(state)), source_(source) {
  MutexLock lock(&state_->mu);
  state_->accounts.insert(this);
}

LinkBytes::Account::~Account() {
  state_->total -= bytes_;
  MutexLock lock(&state_->mu);
  state_->accounts.erase(this);
}

void LinkBytes::Account::SetSink(const SinkPtr& sink) {
  MutexLock lock(&state_->mu);
  sink_ = sink;
}

void LinkBytes::Account::Add(int64_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  const int64_t total = state_->total.fetch_add(bytes) + bytes;
  if (bytes <= 0 || total <= state_->bytes_max) return;
  if (!state_->sweeping.exchange(true)) SweepIn(state_, absl::ZeroDuration());
}

LinkBytes::LinkBytes(int64_t bytes_max, Timers* timers, ServiceObserver* observer)
    : state_(std::make_shared<State>(bytes_max, timers, observer)) {}

void LinkBytes::SweepIn(const std::shared_ptr<State>& state,
                        absl::Duration time) {
  state->timers->After(time, [state] { Sweep(state); });
}

void LinkBytes::Sweep(const std::shared_ptr<State>& state) {
  std::vector<SinkPtr> to_end;
  {
    MutexLock lock(&state->mu);
    to_end = Choose(*state);
  }
  for (const SinkPtr& sink : to_end) {
    state->observer->OnLinkEvicted();
    sink->Abort(absl::ResourceExhaustedError(absl::StrCat(
        "all links hold more than ", state->bytes_max,
        " bytes, and this one is the largest of the address with the most")));
  }
  if (state->total > state->bytes_max) return SweepIn(state, kSweepPause);
  state->sweeping = false;
  // An Add() may have relied on this sweep.
  if (state->total > state->bytes_max && !state->sweeping.exchange(true)) {
    SweepIn(state, kSweepPause);
  }
}

std::vector<SinkPtr> LinkBytes::Choose(State& state) {
  std::vector<std::pair<int64_t, Account*>> by_size;
  absl::flat_hash_map<admission::Source, int64_t> by_source;
  int64_t all = 0;
  for (Account* const account : state.accounts) {
    account->state_->mu.AssertHeld();
    const int64_t bytes = account->bytes();
    if (account->ended_ || bytes <= 0) continue;
    by_size.emplace_back(bytes, account);
    by_source[account->source_] += bytes;
    all += bytes;
  }
  std::sort(by_size.rbegin(), by_size.rend());
  std::vector<SinkPtr> chosen;
  while (all > state.bytes_max) {
    const auto most = std::max_element(
        by_source.begin(), by_source.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; });
    const auto largest = std::find_if(
        by_size.begin(), by_size.end(),
        [&](const auto& one) { return one.second->source_ == most->first; });
    if (largest == by_size.end()) break;
    const auto [bytes, account] = *largest;
    account->state_->mu.AssertHeld();
    by_size.erase(largest);
    most->second -= bytes;
    all -= bytes;
    account->ended_ = true;
    if (SinkPtr sink = account->sink_.lock()) chosen.push_back(std::move(sink));
  }
  return chosen;
}

}  // namespace herald::core
