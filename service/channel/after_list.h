// SPDX-License-Identifier: Apache-2.0
//
// Work that is deferred until a lock is released, because it may take any lock:
// answers to callers, for example.

#ifndef HERALD_SERVICE_CHANNEL_AFTER_LIST_H_
#define HERALD_SERVICE_CHANNEL_AFTER_LIST_H_

#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace herald::core {

// Runs the deferred work, in order, when it is destroyed. Declare it before the
// lock.
class AfterList {
 public:
  AfterList() = default;
  AfterList(const AfterList&) = delete;
  AfterList& operator=(const AfterList&) = delete;
  ~AfterList() {
    for (auto& body : bodies_) body();
  }

  void Add(absl::AnyInvocable<void()> body) {
    bodies_.push_back(std::move(body));
  }

 private:
  std::vector<absl::AnyInvocable<void()>> bodies_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_AFTER_LIST_H_
