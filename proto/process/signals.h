// SPDX-License-Identifier: Apache-2.0
//
// The signals of a process. A thread of its own takes them, so that they work
// while main() waits for a file, a name or a drain.
//
//   SIGTERM, SIGINT           Before Serve(): the process ends with exit code
//                             1. The first one behind it: Wait() returns it,
//                             and the process drains. A second one: the
//                             process ends at once, with exit code 1.
//   SIGHUP                    Wait() returns it.
//   SIGPIPE, SIGUSR1, SIGUSR2 Ignored: other servers rotate logs on these.
//
// Exit code 1 means that the process was not drained. 0 would hide that, and an
// end by the signal itself (143 in a shell) would leave no line in the log.
//
// Threads: any, for all methods but the constructor.

#ifndef HERALD_PROTO_PROCESS_SIGNALS_H_
#define HERALD_PROTO_PROCESS_SIGNALS_H_

#include <memory>

#include "absl/time/time.h"

namespace herald::process {

class Signals {
 public:
  // Takes the signals from here on. REQUIRES: called once, before there are
  // other threads, which inherit the mask.
  Signals();

  // From here on the process is worth a drain.
  void Serve();

  // The next SIGTERM, SIGINT or SIGHUP, each once; 0 if none comes within
  // `time`, or if Wake() is called.
  int Wait(absl::Duration time);

  // Ends a Wait(), or the next one.
  void Wake();

 private:
  class State;
  const std::shared_ptr<State> state_;  // Shared with the thread.
};

// `SIGTERM`, for the log.
const char* NameOfSignal(int number);

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_SIGNALS_H_
