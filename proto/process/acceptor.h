// SPDX-License-Identifier: Apache-2.0
//
// Accepts connections for gRPC: its own listener stops for good after the first
// "Too many open files".
//
// Threads: its own, which calls the host; status() any.
//
// Failure: when files are short, connections wait in the kernel, and the thread
// tries again ten times a second.

#ifndef HERALD_PROTO_PROCESS_ACCEPTOR_H_
#define HERALD_PROTO_PROCESS_ACCEPTOR_H_

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"
#include "proto/process/listening_sockets.h"

namespace herald::process {

class Acceptor {
 public:
  class Host {
   public:
    virtual ~Host() = default;

    // Owns the descriptor, which is non-blocking.
    virtual void OnAccepted(int fd) = 0;

    // Connections cannot be accepted at the moment, for `error` (errno). Comes
    // with each try. `is_first`: the last one was without fault.
    virtual void OnShortage(int /*error*/, bool /*is_first*/) {}
    virtual void OnShortageOver() {}
  };

  // Starts to accept, as long as descriptors are below the current result of
  // `descriptors_max`. A connection ends if its peer's system does not
  // acknowledge bytes for `unacknowledged_max` (TCP_USER_TIMEOUT, which gRPC's
  // listener sets with a keepalive). The host outlives the acceptor.
  Acceptor(ListeningSockets sockets, int (*descriptors_max)(),
           absl::Duration unacknowledged_max, Host* host);

  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Stops accepting. The host is not called after it has returned. May be
  // called twice, by one thread at a time.
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
  bool HasFile(int listening) const;
  void SetShortage(int error) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const ListeningSockets sockets_;
  int (*const descriptors_max_)();
  const unsigned unacknowledged_ms_;
  Host* const host_;
  const int stop_;  // Readable when the thread is to end.

  mutable contract::Mutex mu_;
  int shortage_ ABSL_GUARDED_BY(mu_) = 0;  // The error, or 0.

  std::thread thread_;
};

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_ACCEPTOR_H_
