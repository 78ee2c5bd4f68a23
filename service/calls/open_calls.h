// SPDX-License-Identifier: Apache-2.0
//
// RPCs of backends that wait for gateways (calls.h) or for other nodes
// (node_calls.h). Each ends once: with the last answer, at its deadline, or
// when a gateway that it waits for is lost.
//
// Threads: any; it locks itself, and calls `done` without a lock.

#ifndef HERALD_SERVICE_CALLS_OPEN_CALLS_H_
#define HERALD_SERVICE_CALLS_OPEN_CALLS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"
#include "service/channel/observer.h"
#include "service/channel/timers.h"

namespace herald::core {

// Called with the sum of the results, or the first error.
using CallDone = absl::AnyInvocable<void(absl::StatusOr<int64_t>)>;

// What a callee without an answer does to its call: fails it, or counts as 0.
enum class Missing { kFails, kCountsAsNone };

// The name of a node in errors. Other callees have overloads.
inline std::string NameOf(const std::string& node) { return node; }

// `Callee` identifies a gateway or a node that answers; `Note` is data that the
// owner keeps with a call.
template <typename Callee, typename Note>
class OpenCalls {
 public:
  // Called with the callees that did not answer a call in time, without a lock.
  using OnLate =
      std::function<void(const std::vector<Callee>& callees, Missing missing)>;

  // `kind` precedes the name of a callee in errors. The pointers outlive the
  // object; `late` may run later.
  //
  // No id is used twice. Ids begin at a random number, so that a late answer to
  // a call of the previous process, or of another node, does not match.
  OpenCalls(std::string kind, Timers* timers, ServiceObserver* observer,
            OnLate late = nullptr)
      : state_(std::make_shared<State>(std::move(kind), std::move(late))),
        timers_(timers),
        observer_(observer) {}

  // A call that waits for each of `callees`, one at least, for `deadline`.
  // Returns its id, which is greater than 0.
  int64_t Open(std::vector<Callee> callees, Note note, absl::Duration deadline,
               CallDone done, Missing missing = Missing::kFails) {
    int64_t id = 0;
    {
      contract::MutexLock lock(&state_->mu);
      id = ++state_->last_id;
      state_->calls.emplace(
          id, Call{std::move(callees), std::move(note), missing, 0,
                   absl::OkStatus(), std::move(done)});
    }
    timers_->After(deadline, [state = state_, observer = observer_, id] {
      Call call;
      {
        contract::MutexLock lock(&state->mu);
        const auto it = state->calls.find(id);
        if (it == state->calls.end()) return;
        call = std::move(it->second);
        state->calls.erase(it);
      }
      observer->OnCallTimedOut();
      if (state->late) state->late(call.waits_for, call.missing);
      if (call.missing == Missing::kCountsAsNone) return call.done(call.sum);
      call.done(state->NoAnswer(call.waits_for));
    });
    return id;
  }

  // A callee has answered. Ignores unknown ids: they are too late.
  void Answer(int64_t id, const Callee& from, absl::StatusOr<int64_t> result) {
    Call finished;
    {
      contract::MutexLock lock(&state_->mu);
      const auto it = state_->calls.find(id);
      if (it == state_->calls.end()) return;
      std::vector<Callee>& waits_for = it->second.waits_for;
      const auto found = std::find(waits_for.begin(), waits_for.end(), from);
      if (found == waits_for.end()) return;
      waits_for.erase(found);
      if (result.ok()) {
        it->second.sum += *result;
      } else if (it->second.missing == Missing::kFails) {
        it->second.status.Update(result.status());
      }
      if (!waits_for.empty()) return;
      finished = std::move(it->second);
      state_->calls.erase(it);
    }
    if (finished.status.ok()) {
      finished.done(finished.sum);
    } else {
      finished.done(finished.status);
    }
  }

  // The callee will not answer: fails one call, or all calls, that wait for it.
  void Fail(int64_t id, const Callee& callee) {
    Answer(id, callee, state_->NoAnswer({callee}));
  }
  // FailAll() returns whether it has failed one.
  bool FailAll(const Callee& callee) {
    std::vector<int64_t> ids;
    bool has_failed = false;
    {
      contract::MutexLock lock(&state_->mu);
      for (const auto& [id, call] : state_->calls) {
        if (!WaitsFor(call, callee)) continue;
        ids.push_back(id);
        has_failed |= call.missing == Missing::kFails;
      }
    }
    for (const int64_t id : ids) Fail(id, callee);
    return has_failed;
  }

  // Calls `body` with the note of a call that waits for `callee`, and returns
  // its result; false if there is no such call.
  bool Visit(int64_t id, const Callee& callee,
             absl::FunctionRef<bool(Note&)> body) {
    contract::MutexLock lock(&state_->mu);
    const auto it = state_->calls.find(id);
    if (it == state_->calls.end() || !WaitsFor(it->second, callee)) {
      return false;
    }
    return body(it->second.note);
  }

 private:
  struct Call {
    std::vector<Callee> waits_for;
    Note note;
    Missing missing = Missing::kFails;
    int64_t sum = 0;
    absl::Status status;
    CallDone done;
  };
  // Shared with the timers, which may outlive this object's use of them.
  struct State {
    State(std::string kind_of_callee, OnLate on_late)
        : kind(std::move(kind_of_callee)),
          late(std::move(on_late)),
          last_id(int64_t{std::random_device{}()} << 24) {}

    // REQUIRES: there is a callee.
    absl::Status NoAnswer(const std::vector<Callee>& callees) const {
      std::string names = absl::StrCat(kind, " ", NameOf(callees.front()));
      if (callees.size() > 1) {
        absl::StrAppend(&names, " and ", callees.size() - 1, " more");
      }
      return absl::UnavailableError(
          absl::StrCat(names, " did not answer in time"));
    }

    const std::string kind;
    const OnLate late;
    contract::Mutex mu;
    int64_t last_id ABSL_GUARDED_BY(mu);
    absl::flat_hash_map<int64_t, Call> calls ABSL_GUARDED_BY(mu);
  };

  static bool WaitsFor(const Call& call, const Callee& callee) {
    return std::find(call.waits_for.begin(), call.waits_for.end(), callee) !=
           call.waits_for.end();
  }

  const std::shared_ptr<State> state_;
  Timers* const timers_;
  ServiceObserver* const observer_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CALLS_OPEN_CALLS_H_
