// SPDX-License-Identifier: Apache-2.0
//
// A node's way to the SharedStore: calls, which have an answer, and commands,
// which have none and wait until the store can be reached.
//
// Threads: one; see shared_store.h.

#ifndef HERALD_TESTS_SERVICE_ENGINE_SHARED_CLIENT_H_
#define HERALD_TESTS_SERVICE_ENGINE_SHARED_CLIENT_H_

#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/service/engine/shared_store.h"

namespace herald::core {

class SharedClient {
 public:
  // Of the store's node `index`. `store` outlives the object.
  SharedClient(SharedStore* store, int index) : store_(store), index_(index) {}

  SharedStore& store() const { return *store_; }
  int index() const { return index_; }
  bool IsConnected() const { return store_->IsConnected(index_); }

  static absl::Status Unreachable() {
    return absl::UnavailableError("the store cannot be reached");
  }

  // Has the store execute and calls `done` with its answer later, without a
  // lock. `undo` is called before that if an answer was lost on its way.
  template <typename T>
  void Call(absl::AnyInvocable<T()> execute,
            absl::AnyInvocable<void(absl::StatusOr<T>)> done,
            absl::AnyInvocable<void(T)> undo = nullptr) {
    Send([this, execute = std::move(execute), done = std::move(done),
          undo = std::move(undo)](bool reached) mutable {
      absl::StatusOr<T> answer = Unreachable();
      if (reached) answer = execute();
      store_->Answer(index_,
                     [done = std::move(done), undo = std::move(undo),
                      answer = std::move(answer)](bool arrived) mutable {
                       if (arrived) return done(std::move(answer));
                       if (answer.ok() && undo) undo(*std::move(answer));
                       done(Unreachable());
                     });
    });
  }

  // Has the store execute once, as soon as it can be reached.
  void Notify(absl::AnyInvocable<void()> execute) {
    store_->Send(index_, {[execute = std::move(execute)](
                              bool /*reached*/) mutable { execute(); },
                          /*lasting=*/true});
  }

  // Has the store execute if it can be reached now.
  void TryToNotify(absl::AnyInvocable<void()> execute) {
    Send([execute = std::move(execute)](bool reached) mutable {
      if (reached) execute();
    });
  }

 private:
  void Send(absl::AnyInvocable<void(bool reached)> run) {
    store_->Send(index_, {std::move(run)});
  }

  SharedStore* const store_;
  const int index_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_ENGINE_SHARED_CLIENT_H_
