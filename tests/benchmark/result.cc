// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/result.h"

#include <cstddef>
#include <utility>

#include "tests/benchmark/statistics.h"

namespace herald::benchmark {

double Result::figure() const { return Median(figures); }

std::optional<double> Result::baseline() const {
  if (baselines.empty()) return std::nullopt;
  return Median(baselines);
}

std::optional<double> Result::ratio() const {
  std::vector<double> ratios;
  for (size_t i = 0; i < baselines.size(); ++i) {
    if (baselines[i] == 0) return std::nullopt;
    ratios.push_back(figures[i] / baselines[i]);
  }
  if (ratios.empty()) return std::nullopt;
  return Median(std::move(ratios));
}

std::optional<bool> Result::met() const {
  if (!failure.empty()) return std::nullopt;
  switch (row.bound) {
    case Bound::kNone:
      return std::nullopt;
    case Bound::kRatioAtLeast:
      if (!ratio().has_value()) return std::nullopt;
      return *ratio() >= row.budget;
    case Bound::kFigureAtMost:
      if (row.unit == Unit::kPerSecond) return std::nullopt;
      return figure() <= row.budget;
  }
  return std::nullopt;
}

std::optional<double> Result::budget_here() const {
  if (!IsBudgetOfTime(row) || slowness <= 1) return std::nullopt;
  return row.budget * slowness;
}

}  // namespace herald::benchmark
