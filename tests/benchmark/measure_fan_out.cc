// SPDX-License-Identifier: Apache-2.0

#include <sys/resource.h>

#include <memory>
#include <optional>

#include "tests/benchmark/measure.h"
#include "tests/benchmark/sides.h"

namespace herald::benchmark {
namespace {

// Where a budget is a ratio, each run is many short ones. The other load of a
// machine changes by the second, and a busy channel falls into one rhythm or
// another: with 16 in flight, runs of 2 s differ by up to 40 %, and the ratio
// of five to five by 15 %.
constexpr int kTurnsPerRun = 8;
constexpr int kShorter = 4;

Setup InTurns(const Row& row, Setup setup) {
  if (row.bound != Bound::kRatioAtLeast || setup.effort.quick) return setup;
  setup.effort.runs *= kTurnsPerRun;
  setup.effort.duration /= kShorter;
  return setup;
}

// Whether the sockets of both sides may be open at the same time.
bool HasFilesForBoth(const Row& row) {
  constexpr rlim_t kOthers = 500;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return 2 * static_cast<rlim_t>(row.sockets) + kOthers <= limit.rlim_cur;
}

// Herald's side, and the results of its runs.
class HeraldSide {
 public:
  HeraldSide(const Row& row, const Setup& setup)
      : row_(row),
        duration_(setup.effort.duration),
        world_(setup.MakeWorld(row)) {}

  // Adds a figure, and returns it.
  double Run(Result* result) {
    if (!side_.has_value()) {
      side_.emplace(row_, world_.crowd_options(), world_.MakePublisher());
    }
    // Warms up; and threads of gRPC's callbacks that had nothing to do for a
    // second, ours too, may doze for another tenth.
    side_->load->RunClosed(row_.in_flight, duration_ / 4);
    const int64_t service_before = world_.service_cpu();
    const int64_t before = world_.cpu();
    const LoadResult load = side_->load->RunClosed(row_.in_flight, duration_);
    const int64_t cpu = world_.cpu() - before;
    const double figure =
        FigureOf(world_, load.deliveries, cpu, load.seconds, &result->row);
    result->figures.push_back(figure);
    cpu_ += cpu;
    service_cpu_ += world_.service_cpu() - service_before;
    delays_.Add(load.delays);
    deliveries_ += load.deliveries;
    seconds_ += load.seconds;
    return figure;
  }

  // Gives the sockets up until the next run.
  void Close() {
    side_.reset();
    world_.WaitUntilForgotten(ChannelName("", 0));
  }

  void AddNotes(Result* result) const {
    AddDelays(delays_, result);
    result->notes.push_back(
        {"rate", static_cast<double>(deliveries_) / seconds_, "deliveries/s"});
    if (cpu_ == 0) return;
    result->notes.push_back(
        {"the service's part",
         100.0 * static_cast<double>(service_cpu_) / static_cast<double>(cpu_),
         "%"});
  }

 private:
  const Row row_;
  const int64_t duration_;
  const World world_;
  std::optional<LoadedCrowd> side_;
  int64_t cpu_ = 0;
  int64_t service_cpu_ = 0;
  int64_t deliveries_ = 0;
  double seconds_ = 0;
  Histogram delays_;
};

// Two Heralds in turns: one with a history in its channels, and one without.
Result MeasureHistory(const Row& row, const Setup& setup) {
  Row plain = row;
  plain.history = 0;
  Result result{.row = row};
  Result unused{.row = plain};
  HeraldSide without(plain, setup);
  HeraldSide with(row, setup);
  for (int run = 0; run < setup.effort.runs; ++run) {
    result.baselines.push_back(without.Run(&unused));
    with.Run(&result);
  }
  with.AddNotes(&result);
  return result;
}

}  // namespace

Result MeasureFanOut(const Row& row, const Setup& whole_runs) {
  if (row.baseline == Baseline::kNoHistory) {
    return MeasureHistory(row, InTurns(row, whole_runs));
  }
  const bool has_limit =
      row.baseline != Baseline::kNone && !whole_runs.target.has_value();
  const bool reopens = has_limit && !HasFilesForBoth(row);
  const Setup setup = reopens ? whole_runs : InTurns(row, whole_runs);
  const int64_t duration = setup.effort.duration;
  Result result{.row = row};
  HeraldSide herald(row, setup);
  std::unique_ptr<LimitSide> limit;
  for (int run = 0; run < setup.effort.runs; ++run) {
    if (has_limit) {
      if (limit == nullptr) limit = std::make_unique<LimitSide>(row);
      limit->Run(duration / 4);  // Warms up, as Herald's side does.
      result.baselines.push_back(limit->Run(duration));
      if (reopens) limit.reset();
    }
    herald.Run(&result);
    if (reopens) herald.Close();
  }
  herald.AddNotes(&result);
  return result;
}

}  // namespace herald::benchmark
