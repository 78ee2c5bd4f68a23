// SPDX-License-Identifier: Apache-2.0
//
// A beat for writers: a writer that wrote less than a beat ago writes again at
// the next beat, with all messages that have arrived meanwhile.
//
// gRPC ends a write almost as soon as it has begun, so waiting for its end
// batches next to nothing. Each small message would cost a system call here and
// wake the peer. A writer that has been quiet for a beat writes immediately, so
// without load nothing waits.
//
// Threads: any. Bodies run one after the other on the pacer's own thread,
// without a lock, and must be short. The thread sleeps from beat to beat while
// there is work, and for good when there is none.

#ifndef HERALD_SERVICE_RPC_STREAMS_PACER_H_
#define HERALD_SERVICE_RPC_STREAMS_PACER_H_

#include <chrono>
#include <semaphore>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "proto/contract/mutex.h"

namespace herald::rpc {

class Pacer {
 public:
  using Clock = std::chrono::steady_clock;

  // Measured (`./dev bench --row=single`): without a beat 25 µs of CPU from
  // publish to socket, with 100 µs 19.8, with 200 µs 19.1, with 400 µs 18.6.
  static constexpr std::chrono::microseconds kBeat{400};

  Pacer();
  // Runs the bodies that wait.
  ~Pacer();
  Pacer(const Pacer&) = delete;
  Pacer& operator=(const Pacer&) = delete;

  // Whether a writer has to wait for a beat. Its last write began at `last`.
  static bool IsEarly(Clock::time_point last) {
    return Clock::now() - last < kBeat;
  }

  // Has `body` run at the next beat, once.
  void AtNextBeat(absl::AnyInvocable<void()> body) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);

  contract::Mutex mu_;
  std::vector<absl::AnyInvocable<void()>> bodies_ ABSL_GUARDED_BY(mu_);
  bool idle_ ABSL_GUARDED_BY(mu_) = false;  // The thread waits for wake_.
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::binary_semaphore wake_{0};

  std::thread thread_;  // Last, for it uses all the others.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_PACER_H_
