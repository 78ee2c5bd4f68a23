// SPDX-License-Identifier: Apache-2.0
//
// Accepts connections and hands them to gRPC, whose own listener gives up for
// good after its first "Too many open files".
//
// Threads: its own, which calls `take`; status() any.
//
// Failure: when files are short, connections wait in the kernel, and the thread
// tries again ten times a second. 64 files are kept for the process itself
// (proto/process/files.h).

#ifndef HERALD_SERVICE_RPC_ACCEPTOR_H_
#define HERALD_SERVICE_RPC_ACCEPTOR_H_

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "proto/contract/mutex.h"
#include "proto/process/listening_sockets.h"
#include "service/rpc/connections.h"
#include "service/rpc/counters.h"

namespace herald::rpc {

class Acceptor {
 public:
  // Starts to accept. `take` owns each descriptor that it gets, which is
  // non-blocking and was admitted by `connections`. `errors` counts what could
  // not be accepted. Both outlive the acceptor.
  Acceptor(process::ListeningSockets sockets, Connections* connections,
           absl::AnyInvocable<void(int fd)> take, Count* errors);

  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Accepts no more. Returns when `take` is not running any more. May be called
  // twice.
  void Stop();

  // Where it listens, with the port that was bound.
  const std::string& address() const { return sockets_.address(); }

  // A listening descriptor, to learn its address from.
  int descriptor() const { return sockets_.descriptors().front(); }

  // OK, or why no connection can be accepted at the moment.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run();
  // Takes all that wait. False with errno set if there must be a pause.
  bool AcceptAll(int listening) const;
  void SetShortage(int error) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const process::ListeningSockets sockets_;
  Connections* const connections_;
  Count* const errors_;
  const int stop_;  // Readable when the thread is to end.

  mutable absl::AnyInvocable<void(int fd)> take_;  // The thread's.

  mutable contract::Mutex mu_;
  int shortage_ ABSL_GUARDED_BY(mu_) = 0;  // The error, or 0.

  std::thread thread_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_ACCEPTOR_H_
