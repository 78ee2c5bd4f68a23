// SPDX-License-Identifier: Apache-2.0
//
// Who must be present on a channel with a time of grace: whoever has a socket
// there, or had one a moment ago. It knows what clients know, at which time,
// and leaves in doubt what a gateway may not have been able to tell the
// service; so that it is never wrong in accusing.
//
// A socket is there when its client was told so, which is after the service
// knew; and leaves when the client says so, which is before the service knows.
// So who was away for less than the grace by the client's clock was so by the
// service's.
//
// Threads: any; it locks itself.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_ATTENDANCE_H_
#define HERALD_TESTS_END_TO_END_CHAOS_ATTENDANCE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "proto/contract/mutex.h"
#include "tests/end_to_end/chaos/channel.h"
#include "tests/end_to_end/chaos/frame.h"
#include "tests/end_to_end/chaos/random.h"

namespace herald::chaos {

class Attendance {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A user on a channel.
  using Key = std::pair<std::string, std::string>;

  explicit Attendance(Milliseconds grace) : grace_(grace) {}

  // How often what was at a gateway came into doubt.
  int64_t Doubts(size_t gateway) const;

  // What is at a gateway, or anywhere, may not be known to the service any
  // more: it counts as away from now on, until it comes again; and if it was
  // the service that has ended, no grace is kept either.
  void Doubt(size_t gateway, Time now);
  void DoubtAll(Time now);

  // A socket was confirmed; it had asked when Doubts() was `doubts`. It leaves,
  // or its end is noticed.
  void Arrive(const Key& who, const std::string& socket, size_t gateway,
              int64_t doubts, Time now);
  void Leave(const Key& who, const std::string& socket, Time now);

  // A listener has just been told `frame` about the channel.
  //
  // Failure: it says that somebody is not there who must be.
  void CheckNews(const Channel& channel, const Frame& frame,
                 const std::string& listener, Time now) const;

  // Whether a listener that is told only now what was true some time ago must
  // be told that `who` is present.
  bool MustBePresent(const Key& who, Time now) const;

 private:
  struct User {
    std::map<std::string, size_t> sockets;  // The gateway of each.
    std::optional<Time> left;  // When the last one did; nothing: it was never
                               // there.
    Time steady = {};  // Since then it was never away for as long as the grace.
  };

  bool WasAwayFor(const User& user, Time now) const;

  const Milliseconds grace_;
  mutable contract::Mutex mu_;
  std::map<Key, User> users_ ABSL_GUARDED_BY(mu_);
  std::map<size_t, int64_t> doubts_ ABSL_GUARDED_BY(mu_);
  int64_t doubts_of_all_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_ATTENDANCE_H_
