// SPDX-License-Identifier: Apache-2.0
//
// An authorizer in C++ that says yes to everybody: what a private subscribe
// costs beyond what the application's own decision does.

#ifndef HERALD_TESTS_BENCHMARK_ALLOWING_AUTHORIZER_H_
#define HERALD_TESTS_BENCHMARK_ALLOWING_AUTHORIZER_H_

namespace herald::benchmark {

// Serves until the process is killed. Says that it is `listening` with `grpc`.
[[noreturn]] void RunAllowingAuthorizer();

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_ALLOWING_AUTHORIZER_H_
