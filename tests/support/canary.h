// SPDX-License-Identifier: Apache-2.0
//
// A polite client beside an attack: it pings, and receives an event of its own
// channel, again and again, and measures the time. The delay of a thread that
// only sleeps in that time, the machine's own stalls, is subtracted.
//
//   Canary canary(world.gateway_address(0), world.grpc_address());
//   ... the attack ...
//   EXPECT_LT(canary.TakeWorst(), kUnnoticed);
//
// Threads: one of its own; the methods are for the test's main thread.

#ifndef HERALD_TESTS_SUPPORT_CANARY_H_
#define HERALD_TESTS_SUPPORT_CANARY_H_

#include <mutex>
#include <string>
#include <thread>

#include "tests/support/deadline.h"

namespace herald::testing_support {

// How long a round may take during an attack, also on a machine that is busy.
inline constexpr Milliseconds kUnnoticed(300 * kSlowness);

class Canary {
 public:
  // Connects from `source` (empty: any address), and is subscribed when it
  // returns. Its backend shows `token`, unless that is empty. A test in which
  // its connection ends fails.
  Canary(const std::string& gateway_address, const std::string& grpc_address,
         const std::string& source = "", const std::string& token = "");
  ~Canary();
  Canary(const Canary&) = delete;
  Canary& operator=(const Canary&) = delete;

  // The longest round, one under way included, since the last call, less the
  // longest stall of the machine.
  Milliseconds TakeWorst();

 private:
  void WatchTheMachine();
  void Run(const std::string& gateway_address, const std::string& grpc_address,
           const std::string& source, const std::string& token);

  std::mutex mutex_;
  bool stopped_ = false;              // All below under mutex_.
  bool ready_ = false;                // Subscribed.
  Clock::time_point began_ = kNever;  // The round that is under way.
  Clock::duration worst_{};
  Clock::duration stall_{};  // The worst of the machine.

  static constexpr Clock::time_point kNever = Clock::time_point::max();

  std::thread thread_;
  std::thread watch_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_CANARY_H_
