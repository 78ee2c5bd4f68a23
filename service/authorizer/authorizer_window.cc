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
  // Without kLeast, questions that are never answered would fill the window:
  // only a quick answer to a later one proves them lost, and no later one would
  // be asked.
  const int64_t all = in_time + late();
  return all < max_ && (all < size_ || in_time < kLeast);
}

void AuthorizerWindow::OnAnswer(absl::Time written, absl::Time now, bool more) {
  const absl::Duration latency = now - written;
  // A slow answer neither grows the window nor proves earlier questions lost:
  // they may be slower still.
  if (latency >= half_timeout_) return;
  // If no question waits, the window is not the limit, so the answer does not
  // show that the authorizer can take more.
  //
  // Tried: to grow by one with each answer within half of the timeout. A pool
  // of 64 threads with lookups of 200 ms then had 320 questions in flight when
  // the first answer was slow. These take it exactly the timeout of 1 s, so of
  // a burst of 500 up to 173 timed out.
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
  // Lost: a later question was answered quickly, so this is no overload.
  if (written < quick_) return;
  // It counts even if it does not halve: the authorizer still works on it.
  late_.emplace(id, written);
  // Written under the window that was halved already. One overload makes a
  // whole window of questions late, and would halve once for each of them.
  if (written < halved_) return;
  halved_ = now;
  size_ = std::min(std::max(size_ / 2, kLeast), max_);
}

void AuthorizerWindow::OnStreamEnd(int64_t first, int64_t last) {
  late_.erase(late_.lower_bound(first), late_.upper_bound(last));
}

}  // namespace herald::authorizer
