// SPDX-License-Identifier: Apache-2.0
//
// Requests a service's health once (grpc.health.v1). A service reports SERVING
// when it is settled.
//
//   HealthCheck check(channel, absl::Seconds(5));
//   …
//   if (check.answered() && check.serving()) …
//
// Threads: one, which must not be gRPC's. Only the destructor blocks: it
// cancels the call, which ends without the service, and waits until gRPC has
// finished it.

#ifndef HERALD_GATEWAY_LINK_HEALTH_H_
#define HERALD_GATEWAY_LINK_HEALTH_H_

#include <memory>

#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "proto/contract/condition.h"

namespace herald::gateway {

class HealthCheck {
 public:
  // Starts the call, and connects if necessary. The check fails if connecting
  // fails, or if both together take longer than `deadline`.
  HealthCheck(std::shared_ptr<grpc::Channel> channel, absl::Duration deadline);
  ~HealthCheck();
  HealthCheck(const HealthCheck&) = delete;
  HealthCheck& operator=(const HealthCheck&) = delete;

  // Returns true if the check has an answer or has failed.
  bool answered() const { return done_.HasBeenNotified(); }

  // Returns true if the answer is SERVING.
  // REQUIRES: answered().
  bool serving() const;

 private:
  // Constant after construction. Destroyed last.
  const std::shared_ptr<grpc::Channel> channel_;

  // Lent to gRPC until done_.
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::Status status_;

  contract::Notification done_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LINK_HEALTH_H_
