// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/report.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace herald::benchmark {
namespace {

using Line = std::vector<std::string>;

// Columns of characters, not bytes: a "µ" is two of these.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Lays lines out in columns; the ones in `numbers` are flush right.
std::string LaidOut(const std::vector<Line>& lines,
                    std::initializer_list<size_t> numbers) {
  std::vector<size_t> widths(lines.front().size());
  for (const Line& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], Width(line[i]));
    }
  }
  std::string text;
  for (const Line& line : lines) {
    std::string row;
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string gap(widths[i] - Width(line[i]), ' ');
      const bool right =
          std::find(numbers.begin(), numbers.end(), i) != numbers.end();
      absl::StrAppend(&row, i == 0 ? "" : "  ", right ? gap : "", line[i],
                      right ? "" : gap);
    }
    row.erase(row.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, row, "\n");
  }
  return text;
}

std::string BudgetText(const Row& row) {
  switch (row.bound) {
    case Bound::kNone:
      return "";
    case Bound::kRatioAtLeast:
      return absl::StrCat("ratio ≥ ", NumberText(row.budget));
    case Bound::kFigureAtMost:
      return absl::StrCat("≤ ", NumberText(row.budget));
  }
  return "";
}

// "met", "NOT MET", or "NOT MET, within × 3.4 = 68" where only the machine is
// too slow for the budget.
std::string VerdictText(const Result& result) {
  const std::optional<bool> met = result.met();
  if (!met.has_value()) return "";
  if (*met) return "met";
  const std::optional<double> here = result.budget_here();
  if (!here.has_value() || result.figure() > *here) return "NOT MET";
  return absl::StrFormat("NOT MET, within × %.1f = %s", result.slowness,
                         NumberText(*here));
}

Line LineOf(const Result& result) {
  const Row& row = result.row;
  if (!result.failure.empty()) {
    return {row.name, "FAILED", "", "", "", "", BudgetText(row), ""};
  }
  const std::optional<double> baseline = result.baseline();
  const std::optional<double> ratio = result.ratio();
  return {row.name,
          NumberText(result.figure()),
          UnitText(row.unit, row.work),
          baseline.has_value() ? NumberText(*baseline) : "",
          baseline.has_value() ? BaselineText(row.baseline) : "",
          ratio.has_value() ? absl::StrFormat("%.2f", *ratio) : "",
          BudgetText(row),
          VerdictText(result)};
}

std::string NotesText(const Result& result) {
  std::vector<std::string> parts;
  for (const Note& note : result.notes) {
    parts.push_back(absl::StrCat(note.name, " ", NumberText(note.value),
                                 note.unit.empty() ? "" : " ", note.unit));
  }
  const auto [least, most] =
      std::minmax_element(result.figures.begin(), result.figures.end());
  if (result.figures.size() > 1) {
    parts.push_back(absl::StrCat("runs from ", NumberText(*least), " to ",
                                 NumberText(*most)));
  }
  return absl::StrJoin(parts, ", ");
}

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", std::string(1, c));
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", c);
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

std::string JsonNumber(double value) {
  return std::isfinite(value) ? absl::StrFormat("%.10g", value) : "null";
}

std::string JsonNumbers(const std::vector<double>& values) {
  return absl::StrCat("[",
                      absl::StrJoin(values, ",",
                                    [](std::string* out, double value) {
                                      out->append(JsonNumber(value));
                                    }),
                      "]");
}

std::string JsonOf(const Result& result) {
  const Row& row = result.row;
  std::vector<std::string> fields = {
      absl::StrCat(R"("row":)", Quoted(row.name)),
      absl::StrCat(R"("what":)", Quoted(row.what)),
      absl::StrCat(R"("sockets":)", row.sockets),
      absl::StrCat(R"("channels":)", row.channels),
      absl::StrCat(R"("in_flight":)", row.in_flight)};
  if (!result.failure.empty()) {
    fields.push_back(absl::StrCat(R"("failure":)", Quoted(result.failure)));
    return absl::StrCat("{", absl::StrJoin(fields, ","), "}");
  }
  fields.push_back(
      absl::StrCat(R"("unit":)", Quoted(UnitText(row.unit, row.work))));
  fields.push_back(absl::StrCat(R"("figure":)", JsonNumber(result.figure())));
  fields.push_back(absl::StrCat(R"("figures":)", JsonNumbers(result.figures)));
  if (result.ratio().has_value()) {
    fields.push_back(absl::StrCat(R"("baseline_kind":)",
                                  Quoted(BaselineText(row.baseline))));
    fields.push_back(
        absl::StrCat(R"("baseline":)", JsonNumber(*result.baseline())));
    fields.push_back(
        absl::StrCat(R"("baselines":)", JsonNumbers(result.baselines)));
    fields.push_back(absl::StrCat(R"("ratio":)", JsonNumber(*result.ratio())));
  }
  if (row.bound != Bound::kNone) {
    fields.push_back(absl::StrCat(row.bound == Bound::kRatioAtLeast
                                      ? R"("ratio_min":)"
                                      : R"("figure_max":)",
                                  JsonNumber(row.budget)));
  }
  if (IsBudgetOfTime(row)) {
    fields.push_back(
        absl::StrCat(R"("slowness":)", JsonNumber(result.slowness)));
  }
  if (result.met().has_value()) {
    fields.push_back(
        absl::StrCat(R"("met":)", *result.met() ? "true" : "false"));
  }
  for (const Note& note : result.notes) {
    fields.push_back(absl::StrCat(
        Quoted(note.unit.empty() ? note.name
                                 : absl::StrCat(note.name, " ", note.unit)),
        ":", JsonNumber(note.value)));
  }
  return absl::StrCat("{", absl::StrJoin(fields, ","), "}");
}

}  // namespace

std::string NumberText(double value) {
  if (std::abs(value) < 1 && value != 0) return absl::StrFormat("%.3g", value);
  if (std::abs(value) < 100) {
    const std::string text = absl::StrFormat("%.1f", value);
    return text.substr(text.size() - 2) == ".0"
               ? text.substr(0, text.size() - 2)
               : text;
  }
  const std::string digits = absl::StrFormat("%.0f", std::abs(value));
  std::string text = value < 0 ? "-" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string TableText(const std::vector<Result>& results) {
  std::vector<Line> lines = {
      {"row", "figure", "", "baseline", "", "ratio", "budget", ""}};
  for (const Result& result : results) lines.push_back(LineOf(result));
  std::string text = LaidOut(lines, {1, 3, 5});
  std::vector<Line> notes;
  for (const Result& result : results) {
    if (!result.failure.empty()) continue;
    notes.push_back({result.row.name, result.row.what});
    notes.push_back({"", NotesText(result)});
  }
  if (!notes.empty()) absl::StrAppend(&text, "\n", LaidOut(notes, {}));
  for (const Result& result : results) {
    if (result.failure.empty()) continue;
    absl::StrAppend(&text, "\nFAILED ", result.row.name, ": ", result.failure,
                    "\n");
  }
  return text;
}

std::string SummaryText(const std::vector<Result>& results) {
  int met = 0, not_met = 0, failed = 0;
  for (const Result& result : results) {
    failed += result.failure.empty() ? 0 : 1;
    if (result.met().has_value()) ++(*result.met() ? met : not_met);
  }
  return absl::StrCat(met, " budgets met, ", not_met, " not met, ", failed,
                      failed == 1 ? " row failed" : " rows failed");
}

std::string MachineText(const Machine& machine) {
  return absl::StrCat(machine.cpu, ", ", machine.cores,
                      machine.cores == 1 ? " core, " : " cores, ",
                      machine.kernel, ", load ", NumberText(machine.load));
}

std::string JsonText(const Machine& machine,
                     const std::vector<Result>& results) {
  std::vector<std::string> rows;
  for (const Result& result : results) rows.push_back(JsonOf(result));
  return absl::StrCat(
      R"({"version":)", Quoted(HERALD_VERSION), R"(,"machine":{"cpu":)",
      Quoted(machine.cpu), R"(,"cores":)", machine.cores, R"(,"kernel":)",
      Quoted(machine.kernel), R"(,"load":)", JsonNumber(machine.load),
      "},\n\"rows\":[\n", absl::StrJoin(rows, ",\n"), "\n]}\n");
}

std::string ListText(const std::vector<Row>& rows) {
  std::vector<Line> lines = {{"row", "what", "budget"}};
  for (const Row& row : rows) {
    std::string budget = BudgetText(row);
    if (row.bound == Bound::kFigureAtMost) {
      absl::StrAppend(&budget, " ", UnitText(row.unit, row.work));
    } else if (row.bound == Bound::kRatioAtLeast) {
      absl::StrAppend(&budget, " (", BaselineText(row.baseline), ")");
    }
    lines.push_back({row.name, row.what, budget});
  }
  return LaidOut(lines, {});
}

}  // namespace herald::benchmark
