// SPDX-License-Identifier: Apache-2.0
//
// gRPC's clock: it stands still while the process does, and continues evenly
// when the time of day is set.
//
// gRPC ends a connection if the answer to a ping is late. After a pause of the
// process (SIGSTOP, the migration of a virtual machine) its overdue timers race
// with the bytes that have arrived, and living links end. And gRPC 1.51 sleeps
// until a time of day: if that is set back by an hour, its timers run an hour
// late. They are woken within a quarter of a second after each step of it.
//
// With a later gRPC without these two hooks (both are its internals) this has
// no effect.

#ifndef HERALD_PROTO_PROCESS_GRPC_CLOCK_H_
#define HERALD_PROTO_PROCESS_GRPC_CLOCK_H_

#include <thread>

#include "proto/contract/condition.h"

namespace herald::process {

// One for a process, made before anything of gRPC's.
class GrpcClock {
 public:
  GrpcClock();
  ~GrpcClock();
  GrpcClock(const GrpcClock&) = delete;
  GrpcClock& operator=(const GrpcClock&) = delete;

 private:
  void Run();

  contract::Notification stop_;
  std::thread thread_;
};

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_GRPC_CLOCK_H_
