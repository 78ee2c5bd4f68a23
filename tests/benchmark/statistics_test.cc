// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/statistics.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace herald::benchmark {
namespace {

TEST(Median, IsTheMiddleValue) {
  EXPECT_EQ(Median({9, 1, 5}), 5);
  EXPECT_EQ(Median({4, 1, 2, 9}), 3);
  EXPECT_EQ(Median({7}), 7);
  EXPECT_EQ(Median({}), 0);
}

TEST(Histogram, HasNothingAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.Quantile(0.99), 0);
  EXPECT_EQ(histogram.max(), 0);
}

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (int64_t value = 1; value <= 100; ++value) histogram.Add(value);
  EXPECT_EQ(histogram.Quantile(0.5), 50);
  EXPECT_EQ(histogram.Quantile(0.99), 99);
  EXPECT_EQ(histogram.Quantile(0), 1);
  EXPECT_EQ(histogram.Quantile(1), 100);
}

TEST(Histogram, IsWithinAFewPercentForLargeValues) {
  for (int64_t value = 1; value < int64_t{1} << 60; value = value * 3 + 1) {
    Histogram histogram;
    histogram.Add(value);
    histogram.Add(INT64_MAX);  // So that the quantile is not cut at the worst.
    EXPECT_GE(histogram.Quantile(0.5), value);
    EXPECT_LE(histogram.Quantile(0.5), value + value / 60);
  }
}

TEST(Histogram, KnowsTheWorstExactly) {
  Histogram histogram;
  histogram.Add(123'456'789);
  histogram.Add(5);
  EXPECT_EQ(histogram.max(), 123'456'789);
  EXPECT_EQ(histogram.Quantile(1), 123'456'789);
}

TEST(Histogram, TakesTheExtremes) {
  Histogram histogram;
  histogram.Add(-5);
  histogram.Add(INT64_MAX);
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  EXPECT_EQ(histogram.Quantile(1), INT64_MAX);
}

TEST(Histogram, AddsUp) {
  Histogram one, other;
  one.Add(10);
  other.Add(20);
  other.Add(30);
  one.Add(other);
  EXPECT_EQ(one.count(), 3);
  EXPECT_EQ(one.Quantile(0.5), 20);
  EXPECT_EQ(one.max(), 30);
}

}  // namespace
}  // namespace herald::benchmark
