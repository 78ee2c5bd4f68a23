// SPDX-License-Identifier: Apache-2.0
//
// Sockets that are denied repeatedly, and the growing pause before the next
// question of each.
//
// The first kFree denials in succession cause no pause: after a logout, a page
// may ask for that many channels. Each further one doubles the pause before the
// socket's next question, from kPauseMin to kPauseMax. An allowed question ends
// the pauses, and so does kForgotten without a denial. An outage of the
// authorizer does not count as time: with pauses shorter than a restart, a
// socket could end each new process at once.
//
// Bound: kSocketsMax sockets; beyond that, the one with the oldest last denial
// is evicted.
//
// Threads: none of its own; the owner's lock guards it.

#ifndef HERALD_SERVICE_QUESTIONS_REFUSAL_PAUSES_H_
#define HERALD_SERVICE_QUESTIONS_REFUSAL_PAUSES_H_

#include <cstddef>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace herald::authorizer {

class RefusalPauses {
 public:
  static constexpr int kFree = 16;
  static constexpr absl::Duration kPauseMin = absl::Milliseconds(100);
  static constexpr absl::Duration kPauseMax = absl::Seconds(5);
  static constexpr absl::Duration kForgotten = absl::Minutes(1);
  static constexpr size_t kSocketsMax = 10'000;

  // When the next question of `socket` may be asked; InfinitePast(): now.
  absl::Time NotBefore(const std::string& socket, absl::Time now) const;

  // A question of it is asked now. While the socket has to pause, its next
  // question waits for another pause.
  void OnAsked(const std::string& socket, absl::Time now);
  void OnAllowed(const std::string& socket);
  // Counts as `weight` denials.
  void OnDenied(const std::string& socket, absl::Time now, int weight = 1);
  // The authorizer was away from `since` until now: pauses begin anew.
  void OnReturn(absl::Time since, absl::Time now);

  size_t size() const { return denied_.size(); }

 private:
  struct Denied {
    std::string socket;
    int count = 0;
    absl::Time last;
    absl::Time not_before = absl::InfinitePast();
  };
  using DeniedList = std::list<Denied>;

  static absl::Duration PauseAfter(int count);

  DeniedList denied_;  // In the order of their last denials.
  absl::flat_hash_map<std::string, DeniedList::iterator> by_socket_;
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_QUESTIONS_REFUSAL_PAUSES_H_
