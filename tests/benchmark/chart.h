// SPDX-License-Identifier: Apache-2.0
//
// Charts of curves, with logarithmic axes, as an SVG that needs nothing else:
// it looks the same in a browser, in a README and on a dark page.

#ifndef HERALD_TESTS_BENCHMARK_CHART_H_
#define HERALD_TESTS_BENCHMARK_CHART_H_

#include <string>
#include <vector>

#include "tests/benchmark/result.h"

namespace herald::benchmark {

struct Point {
  double x = 0;  // Greater than 0, as y: the axes are logarithmic.
  double y = 0;
};

struct Series {
  std::string name = {};
  std::vector<Point> points = {};  // In the order of x.
};

struct Chart {
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  std::vector<Series> series = {};  // At most 4.
};

// The charts side by side, their y axes alike. Series without points are left
// out. REQUIRES: at least one chart.
std::string SvgText(const std::vector<Chart>& charts);

// The cost of a delivery against subscribers and against channels, from the
// rows that are points of these curves. Rows that failed or show no CPU time
// are left out.
std::vector<Chart> CostCharts(const std::vector<Result>& results);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_CHART_H_
