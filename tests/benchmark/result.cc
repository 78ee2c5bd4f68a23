// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/result.h"

#include "tests/benchmark/statistics.h"

namespace herald::benchmark {

double Result::figure() const { return Median(figures); }

std::optional<double> Result::baseline() const {
  if (baselines.empty()) return std::nullopt;
  return Median(baselines);
}

std::optional<double> Result::ratio() const {
  const std::optional<double> beside = baseline();
  if (!beside.has_value() || *beside == 0) return std::nullopt;
  return figure() / *beside;
}

double Result::bound() const {
  return IsBudgetOfTime(row) ? row.budget * slowness : row.budget;
}

std::optional<bool> Result::met() const {
  if (!failure.empty()) return std::nullopt;
  switch (row.bound) {
    case Bound::kNone:
      return std::nullopt;
    case Bound::kRatioAtLeast:
      if (!ratio().has_value()) return std::nullopt;
      return *ratio() >= bound();
    case Bound::kFigureAtMost:
      if (row.unit == Unit::kPerSecond) return std::nullopt;
      return figure() <= bound();
  }
  return std::nullopt;
}

}  // namespace herald::benchmark
