// SPDX-License-Identifier: Apache-2.0
//
// Dials the process's own gRPC port every two seconds, so that readiness shows
// whether callers can connect.
//
// Threads: its own; status() any.

#ifndef HERALD_SERVICE_RPC_PORT_PROBE_H_
#define HERALD_SERVICE_RPC_PORT_PROBE_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"

namespace herald::rpc {

// Dials the address of `listening`, and waits for the first bytes: an HTTP/2
// server sends its SETTINGS first (RFC 9113 section 3.4). UNAVAILABLE with the
// reason if they do not arrive within `patience`.
absl::Status DialOwnPort(int listening, absl::Duration patience);

class PortProbe {
 public:
  // `listening` is a socket that listens; it outlives the probe.
  explicit PortProbe(int listening);

  ~PortProbe() { Stop(); }
  PortProbe(const PortProbe&) = delete;
  PortProbe& operator=(const PortProbe&) = delete;

  // Stops dialling. Returns when no dial is in progress. May be called twice.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // The result of the last dial; OK before the first.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);

  const int listening_;

  mutable contract::Mutex mu_;
  contract::Condition changed_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_PORT_PROBE_H_
