// SPDX-License-Identifier: Apache-2.0
//
// herald-bench: the cost of Herald's connections and deliveries, next to the
// cost that no server can avoid. See `herald-bench --help`.

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>

#include "tests/benchmark/allowing_authorizer.h"
#include "tests/benchmark/chart.h"
#include "tests/benchmark/empty_rpc_server.h"
#include "tests/benchmark/failure.h"
#include "tests/benchmark/limit_server.h"
#include "tests/benchmark/machine.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/options.h"
#include "tests/benchmark/report.h"

namespace herald::benchmark {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitNotMet = 3;

void RaiseFileLimit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int Serve(const std::string& what) {
  if (what == "limit") RunLimitServer(Sending::kEach);
  if (what == "coalescing-limit") RunLimitServer(Sending::kTogether);
  if (what == "empty-rpc") RunEmptyRpcServer();
  if (what == "authorizer") RunAllowingAuthorizer();
  std::cerr << "herald-bench: there is no server \"" << what << "\"\n";
  return kExitUsage;
}

// A row that fails is a result, too, and the others are still run.
Result MeasureOrFail(const Row& row, const Setup& setup) {
  try {
    return Measure(row, setup);
  } catch (const std::exception& failure) {
    Result result{.row = row};
    result.failure = failure.what();
    return result;
  }
}

std::vector<Result> MeasureAll(const Options& options) {
  std::vector<Result> results;
  for (const Row& row : options.rows) {
    std::cerr << row.name << ": " << row.what << " …" << std::endl;
    results.push_back(MeasureOrFail(row, options.setup));
    if (!results.back().failure.empty()) {
      std::cerr << row.name << " FAILED: " << results.back().failure
                << std::endl;
    }
  }
  return results;
}

bool WriteChart(const std::string& path, const std::vector<Result>& results) {
  std::ofstream file(path);
  file << SvgText(CostCharts(results));
  file.close();
  if (file.good()) return true;
  std::cerr << "herald-bench: " << path << " cannot be written\n";
  return false;
}

int Main(int argc, char** argv) {
  const Options options = ReadOptions(argc, argv);
  RaiseFileLimit();
  if (!options.serve.empty()) return Serve(options.serve);
  if (options.list) {
    std::cout << ListText(options.rows);
    return 0;
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_TIMERSLACK, 1000);  // Nanoseconds: short pauses are short.
  const Machine machine = ThisMachine();
  const std::vector<Result> results = MeasureAll(options);
  if (options.json) {
    std::cout << JsonText(machine, results);
  } else {
    std::cout << MachineText(machine) << "\n\n"
              << TableText(results) << "\n"
              << SummaryText(results) << std::endl;
  }
  if (!options.svg.empty() && !WriteChart(options.svg, results)) {
    return kExitFailed;
  }
  const auto failed = [](const Result& result) {
    return !result.failure.empty();
  };
  const auto missed = [](const Result& result) {
    return !result.met().value_or(true);
  };
  if (std::any_of(results.begin(), results.end(), failed)) return kExitFailed;
  if (options.enforce && std::any_of(results.begin(), results.end(), missed)) {
    return kExitNotMet;
  }
  return 0;
}

}  // namespace
}  // namespace herald::benchmark

int main(int argc, char** argv) {
  // The servers under test are never behind the proxy of the environment.
  for (const char* variable : {"grpc_proxy", "https_proxy", "http_proxy"}) {
    unsetenv(variable);
  }
  try {
    const int code = herald::benchmark::Main(argc, argv);
    if (std::cout.flush()) return code;
    std::cerr << "herald-bench: cannot write the output\n";
    return code == 0 ? herald::benchmark::kExitFailed : code;
  } catch (const std::exception& failure) {
    std::cerr << "herald-bench: " << failure.what() << "\n";
    return herald::benchmark::kExitFailed;
  }
}
