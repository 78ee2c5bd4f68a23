// SPDX-License-Identifier: Apache-2.0
//
// gRPC 1.51's timers sleep until a time of day: if that is set back by an hour,
// deadlines and keepalives of a client come an hour late. They are woken after
// each step of it instead.

#ifndef HERALD_CLIENTS_CPP_TIMER_WAKER_H_
#define HERALD_CLIENTS_CPP_TIMER_WAKER_H_

#include <memory>

namespace herald::client {

// A thread checks once a second whether the time of day was set, while the
// process holds a result. With a later gRPC that lacks the internal hook that
// this needs, it does nothing.
//
// Threads: any.
std::shared_ptr<void> WakeTimersAfterSteps();

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_TIMER_WAKER_H_
