// SPDX-License-Identifier: Apache-2.0
//
// Reads the file with rules again on a thread of its own: a filesystem may
// hang, and a thread that reads from it cannot be interrupted.
//
// Threads: one thread calls the methods; `read` and `done` run on another one.
//
// Lifetime: a reading that hangs outlives the object, so the objects that
// `read` and `done` use live as long as the process. A process that ends while
// a reading is under way must not destroy these in exit().
//
// Bound: one reading at a time. All requests that come meanwhile cause one more
// reading.

#ifndef HERALD_SERVICE_RULES_RULES_READER_H_
#define HERALD_SERVICE_RULES_RULES_READER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "herald/config/v1/config.pb.h"

namespace herald::rules {

class RulesReader {
 public:
  struct Result {
    absl::StatusOr<config::v1::Config> rules;
    std::vector<std::string> warnings;
  };

  // `done` is called when there is something to Take().
  RulesReader(std::function<Result()> read, std::function<void()> done);
  RulesReader(const RulesReader&) = delete;
  RulesReader& operator=(const RulesReader&) = delete;

  // Begins to read, or to read again when the reading under way has ended.
  // RESOURCE_EXHAUSTED if no thread can be started.
  absl::Status Start();

  // The latest Result that was not taken yet.
  std::optional<Result> Take();

  // Whether a reading is under way.
  bool busy() const;

 private:
  class State;
  const std::shared_ptr<State> state_;  // Shared with the thread.
};

}  // namespace herald::rules

#endif  // HERALD_SERVICE_RULES_RULES_READER_H_
