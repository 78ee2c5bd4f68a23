// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/authorizer_window.h"

#include <algorithm>

namespace herald::rpc {

AuthorizerWindow::AuthorizerWindow(int64_t max, absl::Duration timeout)
    : max_(max), timeout_(timeout), size_(std::min(kFirst, max)) {}

bool AuthorizerWindow::HasRoom(int64_t in_time) const {
  const int64_t all = in_time + late();
  return all < max_ && (all < size_ || in_time < kLeast);
}

void AuthorizerWindow::OnAnswer(absl::Time written, absl::Time now, bool more) {
  if (now - written >= timeout_ / 2) return;
  if (more) size_ = std::min(size_ + 1, max_);
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

void AuthorizerWindow::OnStreamEnd() { late_.clear(); }

}  // namespace herald::rpc
