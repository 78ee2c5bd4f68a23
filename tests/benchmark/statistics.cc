// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace herald::benchmark {
namespace {

// Each power of two is cut into this many buckets; below it each value has one.
constexpr int kPartBits = 6;
constexpr int kBuckets = (64 - kPartBits) << kPartBits;

}  // namespace

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

Histogram::Histogram() : counts_(kBuckets) {}

int Histogram::BucketOf(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  const int width = static_cast<int>(std::bit_width(bits));
  const int shift = std::max(0, width - kPartBits - 1);
  return (shift << kPartBits) + static_cast<int>(bits >> shift);
}

int64_t Histogram::TopOf(int bucket) {
  const int shift = std::max(0, (bucket >> kPartBits) - 1);
  const auto part = static_cast<uint64_t>(bucket - (shift << kPartBits));
  // The last bucket's end is one more than an int64_t can hold.
  return static_cast<int64_t>(((part + 1) << shift) - 1);
}

void Histogram::Add(int64_t value) {
  value = std::max<int64_t>(value, 0);
  ++counts_[static_cast<size_t>(BucketOf(value))];
  ++count_;
  max_ = std::max(max_, value);
}

void Histogram::Add(const Histogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

int64_t Histogram::Quantile(double share) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(share * static_cast<double>(count_))));
  int64_t seen = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[static_cast<size_t>(bucket)];
    if (seen >= rank) return std::min(TopOf(bucket), max_);
  }
  return max_;
}

}  // namespace herald::benchmark
