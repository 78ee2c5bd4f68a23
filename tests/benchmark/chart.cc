// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "tests/benchmark/report.h"

namespace herald::benchmark {
namespace {

// Of one chart, in pixels.
constexpr double kWidth = 460;
constexpr double kHeight = 340;
constexpr double kLeft = 64;
constexpr double kRight = 24;
constexpr double kTop = 72;
constexpr double kBottom = 56;

constexpr std::array<const char*, 4> kColors = {"#2563eb", "#94a3b8", "#ea580c",
                                                "#16a34a"};

constexpr char kStyle[] =
    "<style>"
    "text{font:12px system-ui,sans-serif;fill:#334155}"
    ".title{font-size:15px;font-weight:600;fill:#0f172a}"
    ".grid{stroke:#e2e8f0}.axis{stroke:#64748b}"
    ".line{fill:none;stroke-width:2.5;stroke-linejoin:round}"
    "</style>\n";

// Powers of ten around all values.
struct Range {
  int low = 0;
  int high = 1;
};

Range RangeOf(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  Range range{static_cast<int>(std::floor(std::log10(*least) + 1e-9)),
              static_cast<int>(std::ceil(std::log10(*most) - 1e-9))};
  range.high = std::max(range.high, range.low + 1);
  return range;
}

// Where a value lies in a range, from 0 to 1.
double Share(const Range& range, double value) {
  return (std::log10(value) - range.low) / (range.high - range.low);
}

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string Text(double x, double y, absl::string_view more,
                 absl::string_view text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>\n", x, y,
                         more, Escaped(text));
}

std::string SvgLine(double x1, double y1, double x2, double y2,
                    absl::string_view kind) {
  return absl::StrFormat(
      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n",
      x1, y1, x2, y2, kind);
}

class Panel {
 public:
  Panel(const Chart& chart, Range y_range)
      : chart_(chart), x_range_(RangeOf(Xs(chart))), y_range_(y_range) {}

  std::string Draw() const {
    std::string svg = Text(kLeft, 28, " class=\"title\"", chart_.title);
    absl::StrAppend(&svg, Legend(), HorizontalGrid(), VerticalGrid());
    absl::StrAppend(&svg, Text(X(0.5), kHeight - 14, " text-anchor=\"middle\"",
                               chart_.x_label));
    const std::string turned = absl::StrFormat(
        " text-anchor=\"middle\" transform=\"rotate(-90 16 %.1f)\"", Y(0.5));
    absl::StrAppend(&svg, Text(16, Y(0.5), turned, chart_.y_label));
    for (size_t i = 0; i < chart_.series.size(); ++i) {
      absl::StrAppend(&svg, Curve(chart_.series[i], kColors[i % 4]));
    }
    return svg;
  }

 private:
  static std::vector<double> Xs(const Chart& chart) {
    std::vector<double> xs;
    for (const Series& series : chart.series) {
      for (const Point& point : series.points) xs.push_back(point.x);
    }
    return xs;
  }

  static double X(double share) {
    return kLeft + share * (kWidth - kLeft - kRight);
  }
  static double Y(double share) {
    return kHeight - kBottom - share * (kHeight - kTop - kBottom);
  }

  std::string Legend() const {
    std::string svg;
    double x = kLeft;
    for (size_t i = 0; i < chart_.series.size(); ++i) {
      const Series& series = chart_.series[i];
      if (series.points.empty()) continue;
      absl::StrAppendFormat(
          &svg, "<circle cx=\"%.1f\" cy=\"48\" r=\"4.5\" fill=\"%s\"/>\n",
          x + 5, kColors[i % 4]);
      absl::StrAppend(&svg, Text(x + 15, 52, "", series.name));
      x += 36 + 6.6 * static_cast<double>(series.name.size());
    }
    return svg;
  }

  std::string HorizontalGrid() const {
    std::string svg;
    for (int power = y_range_.low; power <= y_range_.high; ++power) {
      const double value = std::pow(10, power);
      const double y = Y(Share(y_range_, value));
      absl::StrAppend(
          &svg,
          SvgLine(X(0), y, X(1), y, power == y_range_.low ? "axis" : "grid"),
          Text(X(0) - 8, y + 4, " text-anchor=\"end\"", NumberText(value)));
    }
    return svg;
  }

  std::string VerticalGrid() const {
    std::string svg;
    for (int power = x_range_.low; power <= x_range_.high; ++power) {
      const double value = std::pow(10, power);
      const double x = X(Share(x_range_, value));
      absl::StrAppend(
          &svg,
          SvgLine(x, Y(0), x, Y(1), power == x_range_.low ? "axis" : "grid"),
          Text(x, Y(0) + 18, " text-anchor=\"middle\"", NumberText(value)));
    }
    return svg;
  }

  // Each point has its value as a tooltip.
  std::string Curve(const Series& series, absl::string_view color) const {
    if (series.points.empty()) return "";
    std::string path, marks;
    for (const Point& point : series.points) {
      const double x = X(Share(x_range_, point.x));
      const double y = Y(Share(y_range_, point.y));
      absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : " L", x,
                            y);
      absl::StrAppendFormat(
          &marks,
          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"><title>%s: %s"
          "</title></circle>\n",
          x, y, color, Escaped(series.name), NumberText(point.y));
      absl::StrAppend(&marks, Text(x, y - 9, " text-anchor=\"middle\"",
                                   NumberText(point.y)));
    }
    return absl::StrCat("<path class=\"line\" stroke=\"", color, "\" d=\"",
                        path, "\"/>\n", marks);
  }

  const Chart& chart_;
  const Range x_range_;
  const Range y_range_;
};

}  // namespace

std::string SvgText(const std::vector<Chart>& charts) {
  std::vector<double> ys;
  for (const Chart& chart : charts) {
    for (const Series& series : chart.series) {
      for (const Point& point : series.points) ys.push_back(point.y);
    }
  }
  const double width = kWidth * static_cast<double>(charts.size());
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\""
      " viewBox=\"0 0 %.0f %.0f\">\n%s<rect width=\"100%%\" height=\"100%%\""
      " fill=\"#ffffff\"/>\n",
      width, kHeight, width, kHeight, kStyle);
  for (size_t i = 0; i < charts.size(); ++i) {
    absl::StrAppendFormat(&svg, "<g transform=\"translate(%.0f 0)\">\n",
                          kWidth * static_cast<double>(i));
    absl::StrAppend(&svg, Panel(charts[i], RangeOf(ys)).Draw(), "</g>\n");
  }
  return absl::StrCat(svg, "</svg>\n");
}

std::vector<Chart> CostCharts(const std::vector<Result>& results) {
  constexpr double kMicroseconds = 1e6;
  const std::string cost = "server CPU per delivery, µs";
  Chart subscribers{
      .title = "Subscribers of one channel",
      .x_label = "subscribers",
      .y_label = cost,
      .series = {{.name = "Herald"}, {.name = "coalescing limit"}}};
  Chart channels{.title = "Channels with one subscriber each",
                 .x_label = "channels",
                 .y_label = cost,
                 .series = {{.name = "Herald"}}};
  for (const Result& result : results) {
    const Row& row = result.row;
    if (!result.failure.empty() || row.unit != Unit::kPerCpuSecond) continue;
    const double mine = kMicroseconds / result.figure();
    if (row.curve == Curve::kChannels) {
      channels.series[0].points.push_back({1.0 * row.channels, mine});
    } else if (row.curve == Curve::kSubscribers) {
      subscribers.series[0].points.push_back({1.0 * row.sockets, mine});
      if (!result.baseline().has_value()) continue;
      subscribers.series[1].points.push_back(
          {1.0 * row.sockets, kMicroseconds / *result.baseline()});
    }
  }
  return {std::move(subscribers), std::move(channels)};
}

}  // namespace herald::benchmark
