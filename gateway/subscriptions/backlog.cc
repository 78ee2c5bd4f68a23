// SPDX-License-Identifier: Apache-2.0

#include "gateway/subscriptions/backlog.h"

#include <algorithm>
#include <utility>

#include "proto/contract/require.h"

namespace herald::gateway {

void Backlog::Append(Frame frame, uint64_t except_socket) {
  if (except_socket != 0) ++exceptions_;
  const size_t begin = bytes_.size();
  const absl::string_view bytes = frame.bytes();
  bytes_.append(bytes.data(), bytes.size());
  events_.push_back({std::move(frame), except_socket, begin});
}

absl::Span<const Backlog::Entry> Backlog::EventsFrom(uint32_t position) const {
  const size_t skipped = position - first_;
  contract::Require(skipped <= events_.size());
  return absl::MakeConstSpan(events_).subspan(skipped);
}

absl::string_view Backlog::BytesFrom(uint32_t position) const {
  const absl::Span<const Entry> events = EventsFrom(position);
  if (events.empty()) return {};
  return absl::string_view(bytes_).substr(events.front().begin);
}

bool Backlog::Excepts(uint32_t position, uint64_t socket) const {
  if (exceptions_ == 0) return false;
  const absl::Span<const Entry> events = EventsFrom(position);
  return std::any_of(events.begin(), events.end(), [&](const Entry& event) {
    return event.except_socket == socket;
  });
}

size_t Backlog::EndPass() {
  if (visited_ == 0) pass_end_ = end();  // There is none to visit.
  visited_ = 0;
  const size_t done = pass_end_ - first_;
  DropBefore(pass_end_);
  return done;
}

void Backlog::Clear() {
  visited_ = 0;
  DropBefore(end());
}

void Backlog::DropBefore(uint32_t position) {
  // The rest is moved to the front, because one send(2) needs its bytes in
  // succession. That happens once a pass, and not with each event.
  const size_t bytes = bytes_.size() - BytesFrom(position).size();
  const auto kept =
      events_.begin() + static_cast<std::ptrdiff_t>(position - first_);
  exceptions_ -= static_cast<size_t>(std::count_if(
      events_.begin(), kept,
      [](const Entry& event) { return event.except_socket != 0; }));
  events_.erase(events_.begin(), kept);
  for (Entry& event : events_) event.begin -= bytes;
  bytes_.erase(0, bytes);
  first_ = position;
}

}  // namespace herald::gateway
