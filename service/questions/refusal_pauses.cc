// SPDX-License-Identifier: Apache-2.0

#include "service/questions/refusal_pauses.h"

#include <algorithm>
#include <iterator>

namespace herald::authorizer {

absl::Duration RefusalPauses::PauseAfter(int count) {
  if (count < kFree) return absl::ZeroDuration();
  const int doublings = std::min(count - kFree, 16);
  return std::min(kPauseMin * (int64_t{1} << doublings), kPauseMax);
}

absl::Time RefusalPauses::NotBefore(const std::string& socket,
                                    absl::Time now) const {
  if (denied_.empty()) return absl::InfinitePast();
  const auto it = by_socket_.find(socket);
  if (it == by_socket_.end() || it->second->last + kForgotten <= now) {
    return absl::InfinitePast();
  }
  return it->second->not_before;
}

void RefusalPauses::OnAsked(const std::string& socket, absl::Time now) {
  if (denied_.empty()) return;
  const auto it = by_socket_.find(socket);
  if (it == by_socket_.end()) return;
  const absl::Duration pause = PauseAfter(it->second->count);
  if (pause > absl::ZeroDuration()) it->second->not_before = now + pause;
}

void RefusalPauses::OnAllowed(const std::string& socket) {
  if (denied_.empty()) return;
  const auto it = by_socket_.find(socket);
  if (it == by_socket_.end()) return;
  denied_.erase(it->second);
  by_socket_.erase(it);
}

void RefusalPauses::OnDenied(const std::string& socket, absl::Time now,
                             int weight) {
  while (!denied_.empty() && (denied_.front().last + kForgotten <= now ||
                              denied_.size() >= kSocketsMax)) {
    by_socket_.erase(denied_.front().socket);
    denied_.pop_front();
  }
  const auto [it, is_new] = by_socket_.try_emplace(socket, denied_.end());
  if (is_new) {
    denied_.emplace_back().socket = socket;
    it->second = std::prev(denied_.end());
  } else {
    denied_.splice(denied_.end(), denied_, it->second);
  }
  Denied& denied = *it->second;
  denied.last = now;
  denied.count = std::min(denied.count + weight, 1000);
  const absl::Duration pause = PauseAfter(denied.count);
  if (pause > absl::ZeroDuration()) {
    denied.not_before = std::max(denied.not_before, now + pause);
  }
}

void RefusalPauses::OnReturn(absl::Time since, absl::Time now) {
  for (Denied& denied : denied_) {
    if (denied.last + kForgotten <= since) continue;
    denied.last = now;
    const absl::Duration pause = PauseAfter(denied.count);
    if (pause > absl::ZeroDuration()) denied.not_before = now + pause;
  }
}

}  // namespace herald::authorizer
