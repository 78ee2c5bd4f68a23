// SPDX-License-Identifier: Apache-2.0
//
// A fixed number of threads that run tasks in the order in which they came.
// The queue has no bound of its own: AnswerStream submits at most
// kQuestionsMax tasks that have not ended, and streams are limited in number.

#ifndef HERALD_CLIENTS_CPP_WORKER_POOL_H_
#define HERALD_CLIENTS_CPP_WORKER_POOL_H_

#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"

namespace herald::client {

class WorkerPool {
 public:
  using Task = absl::AnyInvocable<void()>;

  // REQUIRES: `threads` > 0.
  explicit WorkerPool(int threads);

  // As Stop().
  ~WorkerPool();

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `task` when it is its turn; drops it after Stop(). Tasks must not
  // throw.
  void Submit(Task task) ABSL_LOCKS_EXCLUDED(mutex_);

  // Drops the tasks that wait; returns when those that run have ended. May be
  // repeated. REQUIRES: not called from a task.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  contract::Mutex mutex_;
  contract::Condition changed_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  contract::Mutex join_mutex_;  // One thread joins, others wait for it.
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(join_mutex_);
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_WORKER_POOL_H_
