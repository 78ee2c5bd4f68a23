// SPDX-License-Identifier: Apache-2.0
//
// The Herald that is measured: processes of the benchmark's own, or one that
// runs already (`--target`).
//
// Threads: the main thread (child_process.h).

#ifndef HERALD_TESTS_BENCHMARK_WORLD_H_
#define HERALD_TESTS_BENCHMARK_WORLD_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/crowd.h"
#include "tests/benchmark/endpoint.h"
#include "tests/benchmark/publisher.h"

namespace herald::benchmark {

// The addresses and processes of a Herald.
struct Site {
  std::vector<Endpoint> gateways = {};
  std::string path = "/ws";
  std::string service = {};  // gRPC target.
  std::string token = {};
  std::vector<pid_t> pids =
      {};  // Service and gateways; none if it is elsewhere.
};

struct WorldOptions {
  std::string bin = {};  // Where herald-service and herald-gateway are.
  int gateways = 1;
  int loops = 0;    // Per gateway; 0: one per core.
  int history = 0;  // Events that each channel remembers.
  bool authorizer = false;
};

class World {
 public:
  // Starts everything and waits until it is ready.
  explicit World(const WorldOptions& options);

  // Uses a Herald that runs already.
  explicit World(Site site) : site_(std::move(site)) {}

  const Site& site() const { return site_; }

  // Whether the CPU time and memory of its processes can be seen.
  bool is_visible() const { return !site_.pids.empty(); }

  // Browsers of it, and a backend.
  CrowdOptions crowd_options() const;
  std::unique_ptr<Publisher> MakePublisher() const;

  // CPU time so far: of service and gateways, of the service alone (0 if it
  // cannot be seen), and of the authorizer.
  int64_t cpu() const;
  int64_t service_cpu() const;
  int64_t authorizer_cpu() const;

  // Waits until the service knows of no channel that begins with `prefix`:
  // until everything about sockets that were reset is done.
  void WaitUntilForgotten(absl::string_view prefix) const;

 private:
  void WaitUntilReady(const Endpoint& gateway);

  std::vector<std::unique_ptr<ChildProcess>> processes_;
  std::vector<pid_t> authorizer_;  // Or nothing.
  Site site_;
};

// One of the benchmark's own servers (`--serve=WHAT`).
std::unique_ptr<ChildProcess> StartOwnServer(const std::string& what);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_WORLD_H_
