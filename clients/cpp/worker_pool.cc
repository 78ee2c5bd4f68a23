// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/worker_pool.h"

#include <utility>

#include "proto/contract/require.h"

namespace herald::client {

WorkerPool::WorkerPool(int threads) {
  contract::Require(threads > 0);
  contract::MutexLock lock(&join_mutex_);
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

WorkerPool::~WorkerPool() { Stop(); }

void WorkerPool::Submit(Task task) {
  contract::MutexLock lock(&mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  changed_.NotifyOne();
}

void WorkerPool::Stop() {
  std::deque<Task> dropped;  // Destroyed without the lock.
  {
    contract::MutexLock lock(&mutex_);
    stopped_ = true;
    dropped.swap(tasks_);
    changed_.NotifyAll();
  }
  contract::MutexLock lock(&join_mutex_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::Run() {
  while (true) {
    Task task;
    {
      contract::MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopped_) changed_.Wait(&mutex_);
      if (stopped_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::move(task)();
  }
}

}  // namespace herald::client
