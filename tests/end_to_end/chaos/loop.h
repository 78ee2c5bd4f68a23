// SPDX-License-Identifier: Apache-2.0
//
// The one thread of a round: sockets of the clients and the proxies, and all
// timers. An exception of a handler comes out of RunUntil().
//
// Lifetime: outlives all that it serves. Handlers that are left when a round
// ends are dropped, not called.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_LOOP_H_
#define HERALD_TESTS_END_TO_END_CHAOS_LOOP_H_

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/steady_timer.hpp"
#include "tests/end_to_end/chaos/random.h"

namespace herald::chaos {

using Clock = std::chrono::steady_clock;

class Loop {
 public:
  boost::asio::io_context& io() { return io_; }

  // Calls it on the loop after `wait`.
  void After(Milliseconds wait, std::function<void()> call) {
    const auto timer = std::make_shared<boost::asio::steady_timer>(io_, wait);
    timer->async_wait(
        [timer, call = std::move(call)](
            const boost::system::error_code& /*error*/) { call(); });
  }

  // Serves until `done`, which is asked between handlers; false if that is not
  // so within `patience`.
  bool RunUntil(absl::FunctionRef<bool()> done, Milliseconds patience) {
    constexpr Milliseconds kTurn(20);
    const Clock::time_point deadline = Clock::now() + patience;
    while (!done()) {
      if (Clock::now() >= deadline) return false;
      io_.run_one_for(kTurn);
      if (io_.stopped()) io_.restart();
    }
    return true;
  }

 private:
  boost::asio::io_context io_{1};
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_LOOP_H_
