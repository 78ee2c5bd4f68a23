// SPDX-License-Identifier: Apache-2.0
//
// A gRPC server of the callback API whose calls do nothing
// (empty_service.proto).

#ifndef HERALD_TESTS_BENCHMARK_EMPTY_RPC_SERVER_H_
#define HERALD_TESTS_BENCHMARK_EMPTY_RPC_SERVER_H_

namespace herald::benchmark {

// Serves until the process is killed. Prints `listening` with `grpc`.
[[noreturn]] void RunEmptyRpcServer();

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_EMPTY_RPC_SERVER_H_
