// SPDX-License-Identifier: Apache-2.0
//
// The servers that Herald's figures stand beside, each with a load on it.
//
// Failure: as measure.h. Threads: the main thread, as child_process.h.

#ifndef HERALD_TESTS_BENCHMARK_SIDES_H_
#define HERALD_TESTS_BENCHMARK_SIDES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tests/benchmark/child_process.h"
#include "tests/benchmark/crowd.h"
#include "tests/benchmark/load.h"
#include "tests/benchmark/publisher.h"
#include "tests/benchmark/rows.h"
#include "tests/benchmark/rpc_load.h"

namespace herald::benchmark {

// A row's sockets, subscribed, and a load on them.
struct LoadedCrowd {
  LoadedCrowd(const Row& row, CrowdOptions options,
              std::unique_ptr<Publisher> publishes);

  Crowd crowd;
  const std::unique_ptr<Publisher> publisher;
  std::optional<Load> load;  // Always there.
};

// Limit servers (limit_server.h) of a row's baseline, which share its sockets:
// as many as Herald has loops, for where two of a machine's cores are one that
// is shared, both are slow when both are busy.
class LimitSide {
 public:
  explicit LimitSide(const Row& row);

  // Deliveries per second of the servers' CPU.
  double Run(int64_t duration);

 private:
  const int in_flight_;
  const std::vector<std::unique_ptr<ChildProcess>> servers_;
  LoadedCrowd crowd_;
};

// A server of empty_service.proto, with the row's calls or messages.
class EmptySide {
 public:
  explicit EmptySide(const Row& row);

  // Answers per second of the server's CPU.
  double Run(int64_t duration);

 private:
  const std::unique_ptr<ChildProcess> server_;
  const std::unique_ptr<RpcLoad> load_;
};

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_SIDES_H_
