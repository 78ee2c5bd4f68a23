// SPDX-License-Identifier: Apache-2.0
//
// One browser's view of one presence channel, over all its connections: knows
// the members from `subscribed`, `member_added` and `member_removed`, and holds
// these to the promise of proto/WEBSOCKET.md: each user is there once, and
// every change is one.

#ifndef HERALD_TESTS_SIMULATION_ATTENDEE_H_
#define HERALD_TESTS_SIMULATION_ATTENDEE_H_

#include <deque>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace herald::simulation {

class Attendee {
 public:
  Attendee(std::string channel, std::string user)
      : channel_(std::move(channel)), user_(std::move(user)) {}

  // The connection has ended. A new one has nothing.
  void Disconnect();

  // The frames that it sends. `token` is for the authorizer.
  std::string Join(absl::string_view token);
  std::string Leave();

  // The user is revoked from now on: a subscription that it has must end.
  void Revoke();
  // The service has forgotten the revocation.
  void Forgive() { owes_end_ = false; }

  // Fails the test that is running if the frame breaks the promise.
  void Receive(absl::string_view frame);

  const std::string& channel() const { return channel_; }
  const std::string& user() const { return user_; }
  bool subscribed() const { return subscribed_; }
  bool waits() const { return !asks_.empty(); }
  // Whether it counts against the limit: subscribed, and not about to leave. A
  // revoked one may have left where it is counted, and not know it yet.
  bool stays() const { return subscribed_ && !waits() && !may_have_ended_; }
  bool owes_end() const { return owes_end_; }
  const std::set<std::string>& members() const { return members_; }

  int joined() const { return joined_; }
  int refused() const { return refused_; }
  int revoked() const { return revoked_; }

 private:
  enum class Ask { kJoin, kLeave };

  void End();

  const std::string channel_;
  const std::string user_;

  // Of one connection.
  std::deque<Ask> asks_;  // Without an answer.
  bool subscribed_ = false;
  bool may_have_ended_ = false;  // By a revocation since it asked.
  bool owes_end_ = false;  // Must end, by one that came after `subscribed`.
  std::set<std::string> members_;

  // Whether a revocation was made. It may reach a gateway late, and end a newer
  // subscription.
  bool may_end_ = false;
  int joined_ = 0;
  int refused_ = 0;
  int revoked_ = 0;
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_ATTENDEE_H_
