// SPDX-License-Identifier: Apache-2.0

#include "tests/support/prometheus_text.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace herald::testing_support {
namespace {

// Cuts a metric's or a label's name from the front of `line`.
std::string TakeName(absl::string_view* line) {
  size_t size = 0;
  while (size < line->size() &&
         (absl::ascii_isalnum(static_cast<unsigned char>((*line)[size])) ||
          (*line)[size] == '_' || (*line)[size] == ':')) {
    ++size;
  }
  const std::string name(line->substr(0, size));
  line->remove_prefix(size);
  return name;
}

// Cuts `"value"` with its escapes.
bool TakeQuoted(absl::string_view* line, std::string* value) {
  if (!absl::ConsumePrefix(line, "\"")) return false;
  while (!line->empty() && line->front() != '"') {
    if (line->front() == '\\') line->remove_prefix(1);
    if (line->empty()) return false;
    *value += line->front();
    line->remove_prefix(1);
  }
  return absl::ConsumePrefix(line, "\"");
}

// Cuts `{a="b",c="d"}`, if it is there.
bool TakeLabels(absl::string_view* line,
                std::map<std::string, std::string>* labels) {
  if (!absl::ConsumePrefix(line, "{")) return true;
  while (!absl::ConsumePrefix(line, "}")) {
    const std::string name = TakeName(line);
    std::string value;
    if (name.empty() || !absl::ConsumePrefix(line, "=") ||
        !TakeQuoted(line, &value)) {
      return false;
    }
    (*labels)[name] = value;
    if (!absl::ConsumePrefix(line, ",") && !absl::StartsWith(*line, "}")) {
      return false;
    }
  }
  return true;
}

bool ParseNumber(absl::string_view text, double* value) {
  if (text == "+Inf") {
    *value = std::numeric_limits<double>::infinity();
    return true;
  }
  return absl::SimpleAtod(text, value);
}

}  // namespace

PrometheusText::PrometheusText(absl::string_view page) {
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    if (line.empty()) continue;
    const bool good = line[0] == '#' ? ParseComment(line) : ParseSample(line);
    if (!good && error_.empty()) error_ = std::string(line);
  }
}

bool PrometheusText::ParseComment(absl::string_view line) {
  const bool is_help = absl::ConsumePrefix(&line, "# HELP ");
  if (!is_help && !absl::ConsumePrefix(&line, "# TYPE ")) return false;
  const std::string name = TakeName(&line);
  if (name.empty() || !absl::ConsumePrefix(&line, " ")) return false;
  std::string& text = is_help ? families_[name].help : families_[name].type;
  if (!text.empty()) return false;  // One name, one fact.
  text = std::string(line);
  return true;
}

std::string PrometheusText::FamilyOf(absl::string_view sample_name) const {
  for (const absl::string_view suffix : {"_bucket", "_sum", "_count"}) {
    const std::string name(absl::StripSuffix(sample_name, suffix));
    const auto it = families_.find(name);
    if (it != families_.end() &&
        (it->second.type == "histogram" || it->second.type == "summary")) {
      return name;
    }
  }
  return std::string(sample_name);
}

bool PrometheusText::ParseSample(absl::string_view line) {
  Sample sample;
  sample.name = TakeName(&line);
  sample.family = FamilyOf(sample.name);
  if (sample.name.empty() || !TakeLabels(&line, &sample.labels)) return false;
  if (!absl::ConsumePrefix(&line, " ") || !ParseNumber(line, &sample.value)) {
    return false;
  }
  samples_.push_back(std::move(sample));
  return true;
}

double PrometheusText::Sum(
    absl::string_view name,
    const std::map<std::string, std::string>& labels) const {
  double sum = 0;
  for (const Sample& sample : samples_) {
    if (sample.name == name &&
        std::includes(sample.labels.begin(), sample.labels.end(),
                      labels.begin(), labels.end())) {
      sum += sample.value;
    }
  }
  return sum;
}

}  // namespace herald::testing_support
