// SPDX-License-Identifier: Apache-2.0
//
// The revocations of the last minutes, in order. Each stream reads the log at
// its own position: a new one from the beginning, so that it repeats all
// entries, and nothing is queued per stream.
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
  using Cursor = uint64_t;

  // The entry at a position.
  struct Entry {
    bool forgotten = false;  // It was there, and was evicted.
    // Null at the end.
    std::shared_ptr<const v1::AuthorizeResponse> response = {};
  };

  // Evicts entries that are older than `memory`, or beyond `entries_max`.
  RevocationLog(Clock::duration memory, size_t entries_max);

  void Append(v1::Revocation revocation, Clock::time_point now)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The position of the oldest entry at `now`.
  Cursor Begin(Clock::time_point now) ABSL_LOCKS_EXCLUDED(mutex_);

  // The position of the next entry.
  Cursor End() const ABSL_LOCKS_EXCLUDED(mutex_);

  Entry Read(Cursor position) const ABSL_LOCKS_EXCLUDED(mutex_);

  // The reason if the grant was revoked at `since` or later. It counts as
  // revoked if that is no longer known. `user_id` may be empty for none.
  std::optional<std::string> Find(Cursor since, absl::string_view socket_id,
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
  Cursor begin_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Remembered> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_REVOCATION_LOG_H_
