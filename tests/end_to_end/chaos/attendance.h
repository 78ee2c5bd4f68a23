// SPDX-License-Identifier: Apache-2.0
//
// The users that must be present on a channel with a grace: those with a socket
// there, and those that had one a moment ago. It knows the clients' facts and
// their times, and leaves in doubt everything that a gateway may not have
// reported to the service, so that it never accuses wrongly.
//
// A socket arrives when its client receives the answer, which is after the
// service has subscribed it; it leaves when the client sends the request, which
// is before the service handles it. So an absence that was shorter than the
// grace by the client's clock was shorter by the service's.
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

  // How often the sockets of a gateway came into doubt.
  int64_t Doubts(size_t gateway) const;

  // The service may not know the sockets of a gateway, or any socket, any more:
  // they count as away from now on, until they arrive again. DoubtAll(): the
  // service has ended, so no grace is kept either.
  void Doubt(size_t gateway, Time now);
  void DoubtAll(Time now);

  // A socket was confirmed; it had asked when Doubts() was `doubts`. It leaves,
  // or its end is noticed.
  void Arrive(const Key& who, const std::string& socket, size_t gateway,
              int64_t doubts, Time now);
  void Leave(const Key& who, const std::string& socket, Time now);

  // A listener has just received `frame` about the channel.
  //
  // Failure: by the frame, a user is absent that must be present.
  void CheckNews(const Channel& channel, const Frame& frame,
                 const std::string& listener, Time now) const;

  // Whether a listener must see `who` as present, given that its news may be
  // some time old.
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
