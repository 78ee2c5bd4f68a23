// SPDX-License-Identifier: Apache-2.0
//
// The sockets that are open, for publishers that except one.
//
// Threads: any; it locks itself.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_SOCKET_LIST_H_
#define HERALD_TESTS_END_TO_END_CHAOS_SOCKET_LIST_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "proto/contract/mutex.h"
#include "tests/end_to_end/chaos/random.h"

namespace herald::chaos {

class SocketList {
 public:
  void Add(const std::string& id) {
    contract::MutexLock lock(&mu_);
    ids_.push_back(id);
  }

  void Remove(const std::string& id) {
    contract::MutexLock lock(&mu_);
    std::erase(ids_, id);
  }

  // Any of them; empty if there is none.
  std::string Pick(Random* random) const {
    contract::MutexLock lock(&mu_);
    return ids_.empty() ? "" : ids_[random->Index(ids_.size())];
  }

 private:
  mutable contract::Mutex mu_;
  std::vector<std::string> ids_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_SOCKET_LIST_H_
