// SPDX-License-Identifier: Apache-2.0
//
// The threads that gRPC runs callbacks on: fewer, and awake.
//
// gRPC 1.51 has a thread for every two cores, two at least, and 16 at most,
// that wait for events. Only one of them polls. With each batch of events it
// wakes another to poll in its place, which costs a futex and a context switch
// on either side, and on a machine with few cores the other has nowhere to run.
// So half of them are held: each runs a callback that waits until the end.
// Measured on two cores (`./dev bench --row=single`), with one of two held:
// 19 µs of CPU from publish to socket instead of 23.5, and 12 % more unary
// calls per CPU-second.
//
// A thread that was idle for a second sleeps for another tenth, and polls
// nothing meanwhile. An empty call every 0.4 s prevents that, so that no
// message after a pause waits.
//
// The thread that polls also reads, and runs no callback before it has emptied
// a connection that is full of requests. So with one thread left, calls pile up
// unhandled; then a held one helps for a moment.
//
// A later gRPC, with a pool of threads that grows, loses nothing by this.

#ifndef HERALD_PROTO_PROCESS_CALLBACK_THREADS_H_
#define HERALD_PROTO_PROCESS_CALLBACK_THREADS_H_

#include <memory>

namespace herald::process {

// One for a process, made before it serves and destroyed last.
class CallbackThreads {
 public:
  // Returns when the threads are held. Holds none if no other answers then.
  // Aborts if none answers at all: gRPC has got no threads.
  CallbackThreads();
  ~CallbackThreads();
  CallbackThreads(const CallbackThreads&) = delete;
  CallbackThreads& operator=(const CallbackThreads&) = delete;

  // How many are held.
  int held() const;

  // Lets one of them run callbacks for about 50 ms. Does nothing if one does so
  // already. Cheap, and may be called from within gRPC.
  void Help();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_CALLBACK_THREADS_H_
