// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/report.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::benchmark {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result RatioResult(double figure, double baseline) {
  Result result;
  result.row = {.name = "fast",
                .what = "something fast",
                .baseline = Baseline::kLimit,
                .bound = Bound::kRatioAtLeast,
                .budget = 0.85};
  result.figures = {figure, figure * 2, figure / 2};
  result.baselines = {baseline, baseline, baseline};
  return result;
}

Result FailedResult() {
  Result result;
  result.row = {.name = "broken"};
  result.failure = "3 deliveries are \"missing\"";
  return result;
}

TEST(ABudget, IsMetByARatio) {
  EXPECT_EQ(RatioResult(85, 100).met(), true);
  EXPECT_EQ(RatioResult(84, 100).met(), false);
}

// The machine was half as fast while the second pair ran, and the figure by
// itself a little better in the third.
TEST(ARatio, IsThatOfPairsThatRanTogether) {
  Result result = RatioResult(0, 0);
  result.figures = {90, 45, 96};
  result.baselines = {100, 50, 100};
  EXPECT_DOUBLE_EQ(result.ratio().value(), 0.9);
}

TEST(ABudget, IsMetByAFigure) {
  Result result;
  result.row = {.name = "small",
                .unit = Unit::kBytes,
                .bound = Bound::kFigureAtMost,
                .budget = 4096};
  result.figures = {4096};
  EXPECT_EQ(result.met(), true);
  result.figures = {4097};
  EXPECT_EQ(result.met(), false);
}

Result SlowResult(Unit unit) {
  Result result;
  result.row = {.name = "slow",
                .unit = unit,
                .bound = Bound::kFigureAtMost,
                .budget = 20};
  result.figures = {60};
  result.slowness = 3.25;
  return result;
}

TEST(ABudget, IsNotMetForBeingOnASlowMachine) {
  EXPECT_EQ(SlowResult(Unit::kCpuMicroseconds).met(), false);
  EXPECT_EQ(SlowResult(Unit::kBytes).met(), false);
}

TEST(ABudget, HasAMeasureForASlowMachineIfItIsOfTime) {
  EXPECT_EQ(SlowResult(Unit::kCpuMicroseconds).budget_here(), 65);
  EXPECT_EQ(SlowResult(Unit::kMilliseconds).budget_here(), 65);
  EXPECT_EQ(SlowResult(Unit::kPercent).budget_here(), 65);
  EXPECT_EQ(SlowResult(Unit::kBytes).budget_here(), std::nullopt);
  Result ratio = RatioResult(84, 100);
  ratio.slowness = 3.25;
  EXPECT_EQ(ratio.budget_here(), std::nullopt);
}

TEST(ABudget, HasNoVerdictWithoutMeasurements) {
  Result result = RatioResult(85, 100);
  result.baselines.clear();
  EXPECT_EQ(result.met(), std::nullopt);
  EXPECT_EQ(FailedResult().met(), std::nullopt);
  Result blind;
  blind.row = {.name = "blind",
               .unit = Unit::kPerSecond,
               .bound = Bound::kFigureAtMost,
               .budget = 20};
  blind.figures = {10};
  EXPECT_EQ(blind.met(), std::nullopt);
}

TEST(ANumber, IsShownAsPeopleLikeIt) {
  EXPECT_EQ(NumberText(0), "0");
  EXPECT_EQ(NumberText(0.04567), "0.0457");
  EXPECT_EQ(NumberText(12.34), "12.3");
  EXPECT_EQ(NumberText(70), "70");
  EXPECT_EQ(NumberText(123.4), "123");
  EXPECT_EQ(NumberText(1234), "1,234");
  EXPECT_EQ(NumberText(1234567.8), "1,234,568");
  EXPECT_EQ(NumberText(-1234567), "-1,234,567");
}

TEST(TheTable, ShowsFigureBaselineRatioAndBudget) {
  const std::string table = TableText({RatioResult(412345, 500000)});
  EXPECT_THAT(table, HasSubstr("fast  412,345  deliveries/CPU-s   500,000  "
                               "limit   0.82  ratio ≥ 0.85  NOT MET\n"));
  EXPECT_THAT(table, HasSubstr("something fast"));
  EXPECT_THAT(table, HasSubstr("runs from 206,172 to 824,690"));
}

TEST(TheTable, ShowsWhetherOnlyTheMachineIsTooSlow) {
  Result result = SlowResult(Unit::kMilliseconds);
  EXPECT_THAT(TableText({result}),
              HasSubstr("≤ 20    NOT MET, within × 3.2 = 65\n"));
  EXPECT_THAT(JsonText({}, {result}),
              HasSubstr(R"("figure_max":20,"slowness":3.25,"met":false)"));
  result.figures = {66};
  EXPECT_THAT(TableText({result}), HasSubstr("NOT MET\n"));
}

TEST(TheTable, ShowsFailures) {
  const std::string table = TableText({RatioResult(9, 10), FailedResult()});
  EXPECT_THAT(table, HasSubstr("broken  FAILED"));
  EXPECT_THAT(table,
              HasSubstr("\nFAILED broken: 3 deliveries are \"missing\"\n"));
}

TEST(TheSummary, Counts) {
  EXPECT_EQ(
      SummaryText({RatioResult(9, 10), RatioResult(1, 10), FailedResult()}),
      "1 budgets met, 1 not met, 1 row failed");
}

TEST(TheJson, HoldsEveryRun) {
  Result result = RatioResult(90, 100);
  result.notes = {{"p99", 1.5, "ms"}};
  const std::string json = JsonText(
      {.cpu = "a \"fast\" one", .cores = 2, .kernel = "Linux", .load = 0.5},
      {result, FailedResult()});
  EXPECT_THAT(json, HasSubstr(R"("cpu":"a \"fast\" one","cores":2)"));
  EXPECT_THAT(json, HasSubstr(R"("figure":90,"figures":[90,180,45])"));
  EXPECT_THAT(json, HasSubstr(R"("baseline":100,"baselines":[100,100,100])"));
  EXPECT_THAT(json, HasSubstr(R"("ratio":0.9,"ratio_min":0.85,"met":true)"));
  EXPECT_THAT(json, HasSubstr(R"("p99 ms":1.5)"));
  EXPECT_THAT(json, HasSubstr(R"("failure":"3 deliveries are \"missing\"")"));
}

TEST(TheRows, HaveNamesOfTheirOwnAndSense) {
  std::set<std::string> names;
  for (const Row& row : Rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.what.empty()) << row.name;
    EXPECT_GE(row.sockets, row.channels) << row.name;
    EXPECT_EQ(row.bound != Bound::kNone, row.budget > 0) << row.name;
    if (row.bound == Bound::kRatioAtLeast) {
      EXPECT_NE(row.baseline, Baseline::kNone) << row.name;
    }
  }
  EXPECT_EQ(FindRow("fanout-1")->name, "fanout-1");
  EXPECT_EQ(FindRow("fanout-2"), nullptr);
}

TEST(TheRows, AreSmallAndFewWhenItMustBeQuick) {
  const std::vector<Row> quick = Quick(Rows());
  EXPECT_LT(quick.size(), Rows().size());
  std::set<Work> works;
  for (const Row& row : quick) {
    EXPECT_LE(row.sockets, 200) << row.name;
    EXPECT_GE(row.sockets, row.channels) << row.name;
    works.insert(row.work);
  }
  for (const Row& row : Rows()) EXPECT_TRUE(works.contains(row.work));
}

TEST(TheList, ShowsTheBoundOfEachRow) {
  const std::string list = ListText(Rows());
  EXPECT_THAT(list, HasSubstr("ratio ≥ 0.85 (limit)"));
  EXPECT_THAT(list, HasSubstr("≤ 4,096 bytes/socket"));
  EXPECT_THAT(list, Not(HasSubstr(" \n")));
}

}  // namespace
}  // namespace herald::benchmark
