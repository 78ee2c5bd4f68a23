// SPDX-License-Identifier: Apache-2.0
//
// One round: a Herald, its clients and publishers, trouble for a while, and the
// proof that nothing was lost that was not announced.
//
// Threads: the main thread.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_ROUND_H_
#define HERALD_TESTS_END_TO_END_CHAOS_ROUND_H_

#include <atomic>

#include "tests/end_to_end/chaos/plan.h"

namespace herald::chaos {

enum class Verdict { kHeld, kBroken, kInterrupted };

// Runs it and prints its result, with its seed. Ends early when `interrupted`.
// Logs stay if a promise was broken, or `keeps_logs`; otherwise nothing stays.
Verdict RunRound(const RoundOptions& options,
                 const std::atomic<bool>& interrupted);

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_ROUND_H_
