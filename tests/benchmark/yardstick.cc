// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/yardstick.h"

#include <algorithm>

#include "tests/benchmark/clock.h"

namespace herald::benchmark {
namespace {

// Baselines of these two rows on the Intel of tests/README.md, with one loop.
// gRPC was a shared library there, which is dearer, so this machine is rather
// slower than is said.
constexpr char kSends[] = "fanout-1";
constexpr double kSendsPerCpuSecond = 407'000;
constexpr char kMessages[] = "stream";
constexpr double kMessagesPerCpuSecond = 150'000;

Row WithOneLoop(Row row) {
  row.loops = 1;
  return row;
}

}  // namespace

Yardstick::Yardstick()
    : limit_(WithOneLoop(*FindRow(kSends))), empty_(*FindRow(kMessages)) {
  constexpr int64_t kWarmUp = kSecond / 4;
  limit_.Run(kWarmUp);
  empty_.Run(kWarmUp);
}

double Yardstick::Slowness(int64_t duration) {
  const double here = 1 / limit_.Run(duration) + 1 / empty_.Run(duration);
  const double there = 1 / kSendsPerCpuSecond + 1 / kMessagesPerCpuSecond;
  return std::max(1.0, here / there);
}

}  // namespace herald::benchmark
