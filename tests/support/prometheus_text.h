// SPDX-License-Identifier: Apache-2.0
//
// A /metrics page, parsed strictly: a page that is not of the text exposition
// format has an error().

#ifndef HERALD_TESTS_SUPPORT_PROMETHEUS_TEXT_H_
#define HERALD_TESTS_SUPPORT_PROMETHEUS_TEXT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::testing_support {

class PrometheusText {
 public:
  struct Family {
    std::string help;
    std::string type;  // counter, gauge, histogram, summary.
  };
  struct Sample {
    std::string family;  // Of a histogram: without `_bucket`, `_sum`, `_count`.
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
  };

  explicit PrometheusText(absl::string_view page);

  // The first line that breaks the format; empty if there is none.
  const std::string& error() const { return error_; }

  const std::map<std::string, Family>& families() const { return families_; }
  const std::vector<Sample>& samples() const { return samples_; }

  // The sum over the samples of that name that have all of `labels`; 0 if there
  // are none.
  double Sum(absl::string_view name,
             const std::map<std::string, std::string>& labels = {}) const;

 private:
  bool ParseComment(absl::string_view line);
  bool ParseSample(absl::string_view line);
  std::string FamilyOf(absl::string_view sample_name) const;

  std::string error_;
  std::map<std::string, Family> families_;
  std::vector<Sample> samples_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_PROMETHEUS_TEXT_H_
