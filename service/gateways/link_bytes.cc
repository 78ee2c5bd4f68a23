// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/link_bytes.h"

#include <algorithm>
#include <tuple>
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
    : state_(std::move(state)),
      source_(source),
      opened_(state_->timers->Now()) {
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

void LinkBytes::Account::SetProven() {
  MutexLock lock(&state_->mu);
  is_proven_ = true;
}

void LinkBytes::Account::SetSettled() {
  const absl::Time now = state_->timers->Now();
  MutexLock lock(&state_->mu);
  settled_ = now;
}

void LinkBytes::Account::Add(int64_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  const int64_t total = state_->total.fetch_add(bytes) + bytes;
  if (bytes <= 0 || total <= state_->bytes_max) return;
  if (!state_->sweeping.exchange(true)) SweepIn(state_, absl::ZeroDuration());
}

LinkBytes::LinkBytes(int64_t bytes_max, Timers* timers,
                     ServiceObserver* observer)
    : state_(std::make_shared<State>(bytes_max, timers, observer)) {}

void LinkBytes::SweepIn(const std::shared_ptr<State>& state,
                        absl::Duration time) {
  state->timers->After(time, [state] { Sweep(state); });
}

void LinkBytes::Sweep(const std::shared_ptr<State>& state) {
  std::vector<SinkPtr> to_end;
  {
    MutexLock lock(&state->mu);
    for (Account* const account : Choose(*state)) {
      account->state_->mu.AssertHeld();
      account->ended_ = true;
      if (SinkPtr sink = account->sink_.lock()) {
        to_end.push_back(std::move(sink));
      }
    }
  }
  for (const SinkPtr& sink : to_end) {
    state->observer->OnLinkEvicted();
    sink->Abort(absl::ResourceExhaustedError(
        absl::StrCat("all links hold more than ", state->bytes_max,
                     " bytes, and this one is of the address with the most")));
  }
  if (state->total > state->bytes_max) return SweepIn(state, kSweepPause);
  state->sweeping = false;
  // An Add() may have relied on this sweep.
  if (state->total > state->bytes_max && !state->sweeping.exchange(true)) {
    SweepIn(state, kSweepPause);
  }
}

std::vector<LinkBytes::Account*> LinkBytes::Choose(State& state) {
  struct Link {
    bool is_trusted;
    absl::Duration age;
    int64_t bytes;
    Account* account;
  };
  const absl::Time now = state.timers->Now();
  std::vector<Link> links;
  absl::flat_hash_map<admission::Source, int64_t> by_source;
  int64_t all = 0;
  for (Account* const account : state.accounts) {
    account->state_->mu.AssertHeld();
    const int64_t bytes = account->bytes();
    if (account->ended_ || bytes <= 0) continue;
    links.push_back(
        {account->IsTrusted(now), now - account->opened_, bytes, account});
    by_source[account->source_] += bytes;
    all += bytes;
  }
  // The larger one first of those that were opened at once.
  std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) {
    return std::tie(a.is_trusted, a.age, b.bytes) <
           std::tie(b.is_trusted, b.age, a.bytes);
  });
  std::vector<Link> chosen;
  while (all > state.bytes_max) {
    const auto most = std::max_element(
        by_source.begin(), by_source.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; });
    const auto next = std::find_if(
        links.begin(), links.end(),
        [&](const Link& one) { return one.account->source_ == most->first; });
    if (next == links.end()) break;
    most->second -= next->bytes;
    all -= next->bytes;
    chosen.push_back(*next);
    links.erase(next);
  }
  // Small links that came before a large one of their source may stay after
  // all, the first of which is the most likely to be a rogue's: it comes last.
  std::vector<Account*> accounts;
  for (auto one = chosen.rbegin(); one != chosen.rend(); ++one) {
    if (one->account->source_ == chosen.back().account->source_ &&
        all + one->bytes <= state.bytes_max) {
      all += one->bytes;
    } else {
      accounts.push_back(one->account);
    }
  }
  return accounts;
}

}  // namespace herald::core
