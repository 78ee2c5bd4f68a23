// SPDX-License-Identifier: Apache-2.0
//
// The queue of ends: sessions that leave, subscriptions that are revoked, and
// answers that wait for both. Departures ends a few of them in a turn.
//
// Invariant: a subscription that is revoked has a place before that of its
// session.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_SUBSCRIPTIONS_LEAVE_QUEUE_H_
#define HERALD_GATEWAY_SUBSCRIPTIONS_LEAVE_QUEUE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "gateway/subscriptions/tickets.h"
#include "herald/link/v1/gateway_service.pb.h"

namespace herald::gateway {

class Session;

// An entry: a session, an answer that waits for the entries before it, or the
// next Revoked.
struct Leaver {
  Session* session = nullptr;
  std::optional<std::string> goodbye;  // Its socket is to be closed with that.
  link::v1::CallResult result;         // If there is no session.
  bool is_revoked = false;             // Then the rest is empty.
};

// Subscriptions that end for one reason, by their tickets. Some may have ended
// in another way meanwhile.
struct Revoked {
  std::string reason;
  std::deque<int64_t> tickets;
};

class LeaveQueue {
 public:
  void Add(Session* session, std::optional<std::string> goodbye) {
    leavers_.push_back({session, std::move(goodbye), {}, false});
  }
  void Add(link::v1::CallResult result) {
    leavers_.push_back({nullptr, {}, std::move(result), false});
  }
  // Returns the number of the revocation.
  uint32_t AddRevoked(int64_t ticket, absl::string_view reason);

  // REQUIRES: one of the revocation's tickets has not ended.
  const std::string& ReasonOf(uint32_t revocation) const {
    return revoked_[revocation - first_revocation_].reason;
  }

  bool empty() const { return leavers_.empty(); }
  // The next one first. The entries with `is_revoked` stand for those of
  // revoked(), in their order.
  const std::deque<Leaver>& leavers() const { return leavers_; }
  const std::deque<Revoked>& revoked() const { return revoked_; }

  // Removes the first entry. REQUIRES: it is a session or an answer.
  Leaver Pop();
  // Removes the first entry if all its tickets have ended; returns whether it
  // has. REQUIRES: it is a revocation.
  bool PopRevoked(const Tickets& tickets);

 private:
  std::deque<Leaver> leavers_;
  std::deque<Revoked> revoked_;
  uint32_t first_revocation_ = 0;  // The number of the first one.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SUBSCRIPTIONS_LEAVE_QUEUE_H_
