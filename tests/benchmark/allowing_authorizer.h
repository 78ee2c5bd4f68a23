// SPDX-License-Identifier: Apache-2.0
//
// An authorizer in C++ that allows every question: the cost of a private
// subscribe without the application's own decision.

#ifndef HERALD_TESTS_BENCHMARK_ALLOWING_AUTHORIZER_H_
#define HERALD_TESTS_BENCHMARK_ALLOWING_AUTHORIZER_H_

namespace herald::benchmark {

// Serves until the process is killed. Prints `listening` with `grpc`.
[[noreturn]] void RunAllowingAuthorizer();

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_ALLOWING_AUTHORIZER_H_
