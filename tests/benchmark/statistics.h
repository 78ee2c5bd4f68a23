// SPDX-License-Identifier: Apache-2.0
//
// Statistics: the median of a few runs, and the quantiles of millions of
// delays.

#ifndef HERALD_TESTS_BENCHMARK_STATISTICS_H_
#define HERALD_TESTS_BENCHMARK_STATISTICS_H_

#include <cstdint>
#include <vector>

namespace herald::benchmark {

// The middle one; of an even number of values the mean of the middle two; 0 of
// none.
double Median(std::vector<double> values);

// Delays, kept as counts in buckets that are at most 1.6 % wide, so that one
// costs a few instructions and memory does not grow.
class Histogram {
 public:
  Histogram();

  // Takes one value; a negative one counts as 0.
  void Add(int64_t value);

  // Takes all that another has taken.
  void Add(const Histogram& other);

  // The value below or at which `share` (0 to 1) of all lie, as exact as a
  // bucket is narrow; 0 if there are none.
  int64_t Quantile(double share) const;

  // The largest, exactly.
  int64_t max() const { return max_; }
  int64_t count() const { return count_; }

 private:
  static int BucketOf(int64_t value);
  static int64_t TopOf(int bucket);

  std::vector<int64_t> counts_;
  int64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_STATISTICS_H_
