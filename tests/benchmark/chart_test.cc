// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/chart.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::benchmark {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Result CurveResult(Curve curve, int size, double per_cpu_second) {
  Result result;
  result.row = {.name = "row",
                .sockets = size,
                .channels = curve == Curve::kChannels ? size : 1,
                .baseline = Baseline::kCoalescingLimit,
                .curve = curve};
  result.figures = {per_cpu_second};
  return result;
}

TEST(CostCharts, ShowTheCostOfADelivery) {
  Result subscribers = CurveResult(Curve::kSubscribers, 100, 500'000);
  subscribers.baselines = {1'000'000};
  const std::vector<Chart> charts =
      CostCharts({subscribers, CurveResult(Curve::kChannels, 1000, 50'000)});
  ASSERT_THAT(charts, SizeIs(2));
  ASSERT_THAT(charts[0].series, SizeIs(2));
  ASSERT_THAT(charts[0].series[0].points, SizeIs(1));
  EXPECT_EQ(charts[0].series[0].points[0].x, 100);
  EXPECT_EQ(charts[0].series[0].points[0].y, 2);
  EXPECT_EQ(charts[0].series[1].points[0].y, 1);
  ASSERT_THAT(charts[1].series[0].points, SizeIs(1));
  EXPECT_EQ(charts[1].series[0].points[0].x, 1000);
  EXPECT_EQ(charts[1].series[0].points[0].y, 20);
}

TEST(CostCharts, LeaveOutRowsWithoutACost) {
  Result failed = CurveResult(Curve::kSubscribers, 10, 1);
  failed.failure = "it broke";
  Result blind = CurveResult(Curve::kSubscribers, 10, 1);
  blind.row.unit = Unit::kPerSecond;
  const std::vector<Chart> charts =
      CostCharts({failed, blind, CurveResult(Curve::kNone, 10, 1)});
  EXPECT_THAT(charts[0].series[0].points, IsEmpty());
  EXPECT_THAT(charts[1].series[0].points, IsEmpty());
}

TEST(AnSvg, HasAxesLabelsAndEachPoint) {
  const std::string svg = SvgText(
      {{.title = "A < B",
        .x_label = "subscribers",
        .y_label = "cost",
        .series = {{"Herald", {{10, 2}, {1000, 30}}}, {"nothing", {}}}}});
  EXPECT_THAT(svg, HasSubstr(">A &lt; B</text>"));
  EXPECT_THAT(svg, HasSubstr(">subscribers</text>"));
  EXPECT_THAT(svg, HasSubstr(">cost</text>"));
  EXPECT_THAT(svg, HasSubstr("<title>Herald: 30</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("nothing")));
  for (const char* label : {">10</text>", ">100</text>", ">1,000</text>"}) {
    EXPECT_THAT(svg, HasSubstr(label));
  }
}

TEST(AnSvg, PlacesPointsByTheirLogarithms) {
  const std::string svg = SvgText(
      {{.title = "t", .series = {{"s", {{1, 1}, {10, 10}, {100, 100}}}}}});
  // From corner to corner, and the middle in the middle.
  EXPECT_THAT(svg, HasSubstr("d=\"M64.0 284.0 L250.0 178.0 L436.0 72.0\""));
}

TEST(AnSvg, IsSoundWithoutAnyPoint) {
  const std::string svg = SvgText(CostCharts({}));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace herald::benchmark
