// SPDX-License-Identifier: Apache-2.0
//
// grpc.health.v1 for the server and for `herald.v1.BroadcastService`. gRPC's
// own service reads whole requests of any size and has any number of Watches.
//
// No token is needed, since load balancers have none.
//
// Failure: NOT_FOUND for other services, in a Watch SERVICE_UNKNOWN.
// RESOURCE_EXHAUSTED if kWatchesMax Watches are open, or half of that from the
// caller's source.
//
// Threads: any.

#ifndef HERALD_SERVICE_RPC_HEALTH_SERVICE_H_
#define HERALD_SERVICE_RPC_HEALTH_SERVICE_H_

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "grpcpp/impl/service_type.h"
#include "proto/contract/mutex.h"
#include "service/rpc/gate/call_gate.h"
#include "service/rpc/gate/stream_limit.h"

namespace herald::rpc {

class HealthService final : public grpc::Service {
 public:
  // Of all callers together, and half of them of one source. One takes some 16
  // KiB of gRPC's memory.
  static constexpr size_t kWatchesMax = 1000;

  // `gate` outlives the server.
  explicit HealthService(CallGate* gate);

  // Sets the status that Check returns from now on, and sends it to Watches.
  void SetServing(bool serving) ABSL_LOCKS_EXCLUDED(mu_);

  // Ends all Watches, and later ones immediately: they would not end by
  // themselves.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class CheckReactor;
  class HealthWatch;

  // HealthCheckResponse.ServingStatus.
  enum Status { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

  Status status() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return serving_ ? kServing : kNotServing;
  }
  // Takes the step that is due on a Watch: a write, or its end. With a write in
  // flight, its completion does so.
  void Serve(HealthWatch* watch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes the next step. REQUIRES: the caller holds the Watch's token.
  void Write(HealthWatch* watch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  CallGate* const gate_;

  StreamLimit limit_{"health Watches", kWatchesMax};

  contract::Mutex mu_;
  bool serving_ ABSL_GUARDED_BY(mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_set<HealthWatch*> watches_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_HEALTH_SERVICE_H_
