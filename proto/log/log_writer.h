// SPDX-License-Identifier: Apache-2.0
//
// Writes lines to a file descriptor from a thread of its own, so that a slow or
// closed reader never delays a thread that logs.
//
// Threads: any.
//
// Lifetime: never destroyed, for a write that blocks cannot be ended.
//
// Bound: lines that wait take at most `bytes_max`; a line beyond that is
// dropped. So is a line that cannot be written (a closed pipe, a full disk).
// When lines can be written again, a line with their number takes their place.

#ifndef HERALD_PROTO_LOG_LOG_WRITER_H_
#define HERALD_PROTO_LOG_LOG_WRITER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"

namespace herald::process {

class LogWriter {
 public:
  // The line that reports `count` dropped lines.
  using Notice = absl::AnyInvocable<std::string(int64_t count)>;

  // Starts the thread.
  LogWriter(int fd, size_t bytes_max, Notice notice);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter() = delete;

  // Queues a line, which ends in a line break, or drops it. Never waits for
  // the descriptor.
  void Add(std::string line) ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until all is written that was added, for at most `patience`. Returns
  // whether it is.
  bool Flush(absl::Duration patience) ABSL_LOCKS_EXCLUDED(mu_);

  // Lines dropped so far, in all.
  int64_t dropped() const { return dropped_; }

  // Lines that are not written yet. May be called from a signal handler.
  int64_t pending() const { return pending_; }

 private:
  struct Line {
    std::string text;
    int64_t dropped = 0;  // How many it reports, if it is a notice.
  };

  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  bool Write(absl::string_view text);
  void Push(Line line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PushNotice() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const int fd_;
  const size_t bytes_max_;

  std::atomic<int64_t> dropped_{0};
  std::atomic<int64_t> pending_{0};

  contract::Mutex mu_;
  contract::Condition changed_;
  Notice notice_ ABSL_GUARDED_BY(mu_);
  std::deque<Line> lines_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;        // Of lines_.
  int64_t unreported_ ABSL_GUARDED_BY(mu_) = 0;  // Dropped since a notice.

  bool torn_ = false;  // The thread's: a line was written in part.
};

}  // namespace herald::process

#endif  // HERALD_PROTO_LOG_LOG_WRITER_H_
