// SPDX-License-Identifier: Apache-2.0

#include "proto/http/rationed_page.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace herald::process {
namespace {

constexpr int kShare = 20;  // One part of so many is spent on the page.
constexpr absl::Duration kBurst = absl::Milliseconds(200);
// The most that one page counts for: the process may have been paused.
constexpr absl::Duration kCostMax = absl::Milliseconds(50);

}  // namespace

RationedPage::RationedPage(std::function<std::string()> make, Uptime uptime)
    : make_(std::move(make)), uptime_(std::move(uptime)) {}

absl::Duration RationedPage::MonotonicUptime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

std::string RationedPage::Text() {
  contract::MutexLock lock(&mu_);
  const absl::Duration begin = uptime_();
  if (earned_at_ - begin >= kShare * kBurst) return text_;
  text_ = make_();
  const absl::Duration cost = std::min(uptime_() - begin, kCostMax);
  earned_at_ = std::max(earned_at_, begin) + kShare * cost;
  return text_;
}

}  // namespace herald::process
