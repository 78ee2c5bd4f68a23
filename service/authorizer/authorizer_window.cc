// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/authorizer_window.h"

#include <algorithm>

namespace herald::authorizer {

AuthorizerWindow::AuthorizerWindow(int64_t max, absl::Duration timeout)
    : max_(max),
      half_timeout_(timeout / 2),
      eighth_timeout_(timeout / 8),
      size_(std::min(kFirst, max)) {}

bool AuthorizerWindow::HasRoom(int64_t in_time) const {
  const int64_t all = in_time + late();
  return all < max_ && (all < size_ || in_time < kLeast);
}

void AuthorizerWindow::OnAnswer(absl::Time written, absl::Time now, bool more) {
  const absl::Duration latency = now - written;
  if (latency >= half_timeout_) return;
  if (more) {
    quarters_ += latency < eighth_timeout_ ? 4 : 1;
    size_ = std::min(size_ + quarters_ / 4, max_);
    quarters_ %= 4;
  }
  quick_ = std::max(quick_, written);
  while (!late_.empty() && late_.begin()->second < quick_) {
    late_.erase(late_.begin());
  }
}

void AuthorizerWindow::OnLate(int64_t id, absl::Time written, absl::Time now) {
  if (written < quick_) return;  // Lost.
  late_.emplace(id, written);
  if (written < halved_) return;
  halved_ = now;
  size_ = std::min(std::max(size_ / 2, kLeast), max_);
}

void AuthorizerWindow::OnStreamEnd(int64_t first, int64_t last) {
  late_.erase(late_.lower_bound(first), late_.upper_bound(last));
}

}  // namespace herald::authorizer
