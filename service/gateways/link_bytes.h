// SPDX-License-Identifier: Apache-2.0
//
// The memory that all links hold together: held channels until they are
// adopted, items and recoveries that wait, and state in outboxes. Each of them
// has a bound per link, too.
//
// Beyond the bound links of the source that holds most are ended, until the
// others are within it. So a flood ends the links of its own address, and no
// link ends while the rest of the memory is free. Within the source the
// youngest link goes first. One that is trusted stays while other links of the
// source hold the excess: it has shown the gateway's secret, or was settled
// more than a minute ago. A real gateway may be the largest of its address.
//
// Threads: any. Links are ended by the timers: bytes are added with locks held.

#ifndef HERALD_SERVICE_GATEWAYS_LINK_BYTES_H_
#define HERALD_SERVICE_GATEWAYS_LINK_BYTES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "proto/admission/source.h"
#include "proto/contract/limits.h"
#include "proto/contract/mutex.h"
#include "service/channel/observer.h"
#include "service/channel/sink.h"
#include "service/channel/timers.h"

namespace herald::core {

// The bound: twice as much as one link may hold of a kind.
inline constexpr int64_t kLinksBytesMax = 2 * contract::kLinkHeldBytesMax;

// The memory of a message that is kept in a container. Its size on the link is
// no measure: a channel of 5 bytes takes 350, and an unknown field of 2 takes
// 16.
int64_t MemoryOf(const google::protobuf::Message& kept);

class LinkBytes {
 private:
  struct State;

 public:
  // How long a link without a secret has to be settled to be trusted.
  static constexpr absl::Duration kTrustedAfter = absl::Minutes(1);

  // The bytes of one link, which are released with it.
  class Account {
   public:
    Account(std::shared_ptr<State> state, admission::Source source);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    // The sink that is aborted if the link has to end. REQUIRES: called once,
    // before the first Add().
    void SetSink(const SinkPtr& sink) ABSL_LOCKS_EXCLUDED(state_->mu);

    // The link has shown its gateway's secret.
    void SetProven() ABSL_LOCKS_EXCLUDED(state_->mu);
    // Its held channels were adopted. REQUIRES: called once.
    void SetSettled() ABSL_LOCKS_EXCLUDED(state_->mu);

    // Cheap while the bound is kept.
    void Add(int64_t bytes);

    int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
    admission::Source source() const { return source_; }

   private:
    friend class LinkBytes;

    bool IsTrusted(absl::Time now) const
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu) {
      return is_proven_ || now - settled_ > kTrustedAfter;
    }

    const std::shared_ptr<State> state_;
    const admission::Source source_;
    const absl::Time opened_;
    std::atomic<int64_t> bytes_{0};
    std::weak_ptr<Sink> sink_ ABSL_GUARDED_BY(state_->mu);
    bool is_proven_ ABSL_GUARDED_BY(state_->mu) = false;
    absl::Time settled_ ABSL_GUARDED_BY(state_->mu) = absl::InfiniteFuture();
    bool ended_ ABSL_GUARDED_BY(state_->mu) = false;
  };
  using AccountPtr = std::shared_ptr<Account>;

  // All links may have `bytes_max`. The others outlive the callbacks of the
  // timers.
  LinkBytes(int64_t bytes_max, Timers* timers, ServiceObserver* observer);

  AccountPtr Open(admission::Source source) {
    return std::make_shared<Account>(state_, source);
  }

  // Of all links, with those that are ending.
  int64_t total() const { return state_->total; }

 private:
  // Shared with accounts and timers, which may outlive the object.
  struct State {
    State(int64_t max, Timers* clock, ServiceObserver* port)
        : bytes_max(max), timers(clock), observer(port) {}

    const int64_t bytes_max;
    Timers* const timers;
    ServiceObserver* const observer;
    std::atomic<int64_t> total{0};
    std::atomic<bool> sweeping{false};  // A sweep will come.
    contract::Mutex mu;
    absl::flat_hash_set<Account*> accounts ABSL_GUARDED_BY(mu);
  };

  // Ends links while those that are not ending hold too much.
  static void Sweep(const std::shared_ptr<State>& state)
      ABSL_LOCKS_EXCLUDED(state->mu);
  // The accounts of the links to end.
  static std::vector<Account*> Choose(State& state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state.mu);
  static void SweepIn(const std::shared_ptr<State>& state, absl::Duration time);

  const std::shared_ptr<State> state_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_GATEWAYS_LINK_BYTES_H_
