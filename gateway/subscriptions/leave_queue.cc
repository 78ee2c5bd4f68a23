// SPDX-License-Identifier: Apache-2.0

#include "gateway/subscriptions/leave_queue.h"

namespace herald::gateway {

uint32_t LeaveQueue::AddRevoked(int64_t ticket, absl::string_view reason) {
  if (revoked_.empty() || revoked_.back().reason != reason) {
    revoked_.push_back({std::string(reason), {}});
    leavers_.emplace_back().is_revoked = true;
  }
  revoked_.back().tickets.push_back(ticket);
  return first_revocation_ + static_cast<uint32_t>(revoked_.size() - 1);
}

Leaver LeaveQueue::Pop() {
  Leaver first = std::move(leavers_.front());
  leavers_.pop_front();
  return first;
}

bool LeaveQueue::PopRevoked(const Tickets& tickets) {
  std::deque<int64_t>& left = revoked_.front().tickets;
  while (!left.empty() && tickets.Find(left.front()) == nullptr) {
    left.pop_front();
  }
  if (!left.empty()) return false;
  revoked_.pop_front();
  ++first_revocation_;
  leavers_.pop_front();
  return true;
}

}  // namespace herald::gateway
