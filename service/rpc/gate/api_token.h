// SPDX-License-Identifier: Apache-2.0
//
// Checks the API token of a call: `authorization: Bearer <token>`, one of those
// in `BROADCAST_API_TOKEN`. If none is set, every call is allowed.
//
// Tokens are compared by their SHA-256 digests in constant time, so the latency
// of an answer does not reveal how much of a token was right.
//
// Threads: any.

#ifndef HERALD_SERVICE_RPC_GATE_API_TOKEN_H_
#define HERALD_SERVICE_RPC_GATE_API_TOKEN_H_

#include <array>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"
#include "proto/log/log_pause.h"

namespace herald::rpc {

class ApiTokens {
 public:
  explicit ApiTokens(const std::vector<std::string>& tokens);

  // UNAUTHENTICATED if tokens are set and the call has none of them; logged,
  // with the peer, once a second at most.
  absl::Status Check(const grpc::CallbackServerContext& context) const;

  // As above, for the value of `authorization`, empty if there is none.
  absl::Status CheckAuthorization(absl::string_view authorization) const;

  bool empty() const { return digests_.empty(); }

 private:
  using Digest = std::array<unsigned char, 32>;

  static Digest DigestOf(absl::string_view text);
  void LogRefusal(const grpc::CallbackServerContext& context,
                  absl::string_view why) const;

  std::vector<Digest> digests_;  // Constant after construction.
  mutable process::LogPause refusals_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_API_TOKEN_H_
