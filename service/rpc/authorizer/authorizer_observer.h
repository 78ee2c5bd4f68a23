// SPDX-License-Identifier: Apache-2.0
//
// Receives the events of an AuthorizerLink, for metrics and logs.
//
// Threads: any; never called with a lock of the link held.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_OBSERVER_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_OBSERVER_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace herald::rpc {

class AuthorizerObserver {
 public:
  virtual ~AuthorizerObserver() = default;

  // A stream is open on a connection that stands; there is no such stream any
  // more, or the first one could not be dialled.
  virtual void OnAuthorizerUp() {}
  virtual void OnAuthorizerDown(const absl::Status& /*why*/) {}

  // A stream has ended, or could not be opened.
  virtual void OnAuthorizerStreamLost() {}
  // The authorizer has ended one stream, and others go on; or more than one,
  // over poison. `poisoned` questions were denied because of it, or would be if
  // they had not timed out before.
  virtual void OnAuthorizerStreamBroken(const absl::Status& /*why*/,
                                        int /*poisoned*/) {}

  // `outcome` is `allowed`, `denied` or `unavailable`. `latency` counts from
  // the first write of the question to the authorizer's answer, if there was
  // one.
  virtual void OnDecision(absl::string_view /*outcome*/,
                          std::optional<absl::Duration> /*latency*/) {}

  // A question was answered `unavailable` because the queue was full.
  virtual void OnAuthorizerQueueFull() {}

  // A message was ignored: `malformed`, `unknown_request`, `empty`,
  // `invalid_revocation`, or `late`, an answer after its deadline.
  virtual void OnAuthorizerIgnored(absl::string_view /*reason*/) {}
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_OBSERVER_H_
