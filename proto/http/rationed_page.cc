// SPDX-License-Identifier: Apache-2.0

#include "proto/http/rationed_page.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace herald::process {
namespace {

// A twentieth of the time, and 200 ms at once.
const contract::TokenRate kMicroseconds(1'000'000 / 20, 200'000);
// The most that one page counts for: the process may have been paused.
constexpr absl::Duration kCostMax = absl::Milliseconds(50);

}  // namespace

RationedPage::RationedPage(std::function<std::string()> make,
                           std::function<absl::Time()> now)
    : make_(std::move(make)), now_(std::move(now)) {}

absl::Time RationedPage::MonotonicNow() {
  return absl::UnixEpoch() +
         absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

std::string RationedPage::Text() {
  contract::MutexLock lock(&mu_);
  const absl::Time begin = now_();
  if (!spent_.Has(kMicroseconds, 1, begin)) return text_;
  text_ = make_();
  const absl::Duration cost = std::min(now_() - begin, kCostMax);
  spent_.Take(kMicroseconds, absl::ToInt64Microseconds(cost), begin);
  return text_;
}

}  // namespace herald::process
