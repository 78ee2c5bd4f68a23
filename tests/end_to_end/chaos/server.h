// SPDX-License-Identifier: Apache-2.0
//
// A program of Herald's that is killed, stopped, ended and started again,
// always with the same arguments. Its output goes to a file.
//
// Failure: it ends by itself, or is ended once it has started and does not exit
// with 0.
//
// Threads: the main thread, for the kernel kills the process when the thread
// that started it ends; but for the two counters.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_SERVER_H_
#define HERALD_TESTS_END_TO_END_CHAOS_SERVER_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace herald::chaos {

class Server {
 public:
  // `arguments[0]` is a path.
  Server(std::string name, std::vector<std::string> arguments,
         std::string log_path);
  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& name() const { return name_; }

  // REQUIRES: it is down.
  void Start();

  // SIGKILL; it is down when this returns.
  void Kill();

  // SIGTERM; it is down when HasEnded() is true. REQUIRES: it runs.
  void Terminate();
  bool HasEnded();

  // SIGSTOP and SIGCONT. REQUIRES: it runs; it stands.
  void Freeze();
  void Thaw();

  // SIGHUP, if it is there and not about to end.
  void Hangup();

  bool is_up() const { return state_ == State::kUp; }
  bool is_down() const { return state_ == State::kDown; }

  // Fails if it has ended without Kill() or Terminate().
  void CheckAlive();

  // The number of its ends: counted before each Kill() or Terminate(), and
  // again once it is down. Threads: any.
  int64_t ends_begun() const { return ends_begun_; }
  int64_t ends_done() const { return ends_done_; }

 private:
  enum class State { kDown, kUp, kFrozen, kEnding };

  bool Reap(bool wait, int* status);

  const std::string name_;
  const std::vector<std::string> arguments_;
  const std::string log_path_;
  pid_t pid_ = -1;
  State state_ = State::kDown;
  std::atomic<int64_t> ends_begun_ = 0;
  std::atomic<int64_t> ends_done_ = 0;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_SERVER_H_
