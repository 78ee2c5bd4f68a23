// SPDX-License-Identifier: Apache-2.0
//
// Calls a gRPC server as fast as it answers: unary calls and streamed messages,
// to Herald and to the empty server alike, so that the difference is theirs.
//
// Failure: a call or message is refused.
//
// Threads: gRPC's; the functions return when everything is answered.

#ifndef HERALD_TESTS_BENCHMARK_RPC_LOAD_H_
#define HERALD_TESTS_BENCHMARK_RPC_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace herald::benchmark {

struct RpcLoadOptions {
  std::string target = {};
  std::string token = {};
  int in_flight = 16;
  size_t payload_bytes = 128;  // Of Herald's; the empty server's have none.
};

class RpcLoad {
 public:
  virtual ~RpcLoad() = default;

  // Keeps calls on their way for `duration`, and waits for the rest. Returns
  // how many there were.
  virtual int64_t Run(int64_t duration) = 0;
};

// Each call and message is one `Broadcast` to a channel without subscribers.
std::unique_ptr<RpcLoad> MakeBroadcastCalls(const RpcLoadOptions& options);
std::unique_ptr<RpcLoad> MakeBroadcastMessages(const RpcLoadOptions& options);

// The same of empty_service.proto.
std::unique_ptr<RpcLoad> MakeEmptyCalls(const RpcLoadOptions& options);
std::unique_ptr<RpcLoad> MakeEmptyMessages(const RpcLoadOptions& options);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_RPC_LOAD_H_
