// SPDX-License-Identifier: Apache-2.0
//
// The revocations of the last minutes, in order. Each stream reads the log at
// its own position: a new one from the beginning, so that it repeats what is
// remembered, and nothing is queued per stream.
//
// Threads: every method may be called from any thread. The lock is a leaf.

#ifndef HERALD_CLIENTS_CPP_REVOCATION_LOG_H_
#define HERALD_CLIENTS_CPP_REVOCATION_LOG_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/contract/mutex.h"

namespace herald::client {

class RevocationLog {
 public:
  using Clock = std::chrono::steady_clock;

  // Counts revocations from 0 for as long as the log lives.
  using Position = uint64_t;

  // What stands at a position.
  struct Entry {
    bool forgotten = false;  // It was there, and is no more.
    // Null at the end.
    std::shared_ptr<const v1::AuthorizeResponse> response = {};
  };

  // Forgets what is older than `memory`, or more than `entries_max`.
  RevocationLog(Clock::duration memory, size_t entries_max);

  void Append(v1::Revocation revocation, Clock::time_point now)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The oldest that is remembered at `now`.
  Position Begin(Clock::time_point now) ABSL_LOCKS_EXCLUDED(mutex_);

  // The position that the next one will have.
  Position End() const ABSL_LOCKS_EXCLUDED(mutex_);

  Entry Read(Position position) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether the grant was taken back from `since` on: the reason if it was.
  // Counts as taken back when that can no longer be told. `user_id` may be
  // empty: nobody is named.
  std::optional<std::string> Find(Position since, absl::string_view socket_id,
                                  absl::string_view channel,
                                  absl::string_view user_id) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Remembered {
    Clock::time_point at;
    std::shared_ptr<const v1::AuthorizeResponse> response;
  };

  void Forget(Clock::time_point now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const Clock::duration memory_;
  const size_t entries_max_;

  mutable contract::Mutex mutex_;
  Position begin_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Remembered> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_REVOCATION_LOG_H_
