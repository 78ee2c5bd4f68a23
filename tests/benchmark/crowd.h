// SPDX-License-Identifier: Apache-2.0
//
// Thousands of WebSockets of one thread, on raw sockets: cheap enough to leave
// the machine to the servers under test. It connects, subscribes, answers
// pings, and hands over each event with the time at which it was read.
//
//   Crowd crowd({.servers = {ResolveEndpoint("127.0.0.1:8080")}});
//   crowd.Open(1000, [](int) { return SubscribeText("news", ""); });
//   crowd.SetListener(&listener);
//   while (!done) crowd.Poll(kPatience);
//
// Sockets are numbered from 0 in the order of Open().
//
// Failure: every lost connection, every `error` and `subscription_error`, and
// everything that takes longer than kPatience.
//
// Threads: one.
//
// Lifetime: the destructor resets all connections.

#ifndef HERALD_TESTS_BENCHMARK_CROWD_H_
#define HERALD_TESTS_BENCHMARK_CROWD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "tests/benchmark/endpoint.h"
#include "tests/benchmark/frame_reader.h"

namespace herald::benchmark {

struct CrowdOptions {
  std::vector<Endpoint> servers = {};  // Used in turns.
  std::string path = "/ws";
  size_t request_bytes = 700;  // Of the upgrade; a browser's are about that.
  // The server is no WebSocket server: it sends frames from the start, and the
  // first of them counts as the greeting.
  bool bare = false;
};

class Crowd {
 public:
  class Listener {
   public:
    // `socket` has received an event. `message` is its JSON text.
    virtual void OnEvent(int socket, absl::string_view message,
                         int64_t now) = 0;

   protected:
    ~Listener() = default;
  };

  // The messages that socket `number` sends; empty for none.
  using Words = absl::FunctionRef<std::string(int number)>;

  explicit Crowd(CrowdOptions options);
  ~Crowd();

  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // Opens `count` more, at most `at_once` at a time. Each sends its messages
  // when it is greeted, and is done when they are answered.
  void Open(int count, Words words, int at_once = 100);

  // The sockets from `first` on send their messages and wait for the answers.
  void Ask(int first, int count, Words words, int at_once = 100);

  // Resets the sockets from `first` on.
  void Reset(int first, int count);

  // The receiver of events; until it is set there must be none.
  void SetListener(Listener* listener) { listener_ = listener; }

  // Waits until something arrives, at most `patience`, and takes it. Returns
  // whether there was anything.
  bool Poll(int64_t patience);

  // The same, but polls at intervals instead of being woken: waking a process
  // of this machine costs the sender CPU time, and browsers elsewhere do not
  // cost a server that. Delays are some 0.1 ms longer.
  bool Look(int64_t patience);

  // Reads for `duration`, and answers pings.
  void PollFor(int64_t duration);

  int size() const { return static_cast<int>(sockets_.size()); }
  int64_t pings() const { return pings_; }

 private:
  enum class State { kConnecting, kUpgrading, kGreeting, kAsking, kIdle };

  struct Socket {
    int fd = -1;
    State state = State::kConnecting;
    FrameReader reader;
    std::string words;  // Not sent yet.
    std::string head;   // Of the answer to the upgrade, if it comes in parts.
  };

  void StartOne(std::string words);
  void WaitUntilUnfinished(int count);
  void Take(int number);
  void OnConnected(int number);
  void OnBytes(int number, absl::string_view bytes, int64_t now);
  void OnFrame(int number, const ServerFrame& frame, int64_t now);
  void OnText(int number, absl::string_view message, int64_t now);
  void OnGreeted(int number);
  void SendMessages(int number);
  void Send(int number, absl::string_view bytes);
  Socket& At(int number) { return *sockets_[static_cast<size_t>(number)]; }

  const CrowdOptions options_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<char> buffer_;
  Listener* listener_ = nullptr;
  int unfinished_ = 0;  // Sockets in a state before kIdle.
  int64_t pings_ = 0;
};

// The messages of a browser.
std::string SubscribeText(absl::string_view channel, absl::string_view auth);
std::string UnsubscribeText(absl::string_view channel);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_CROWD_H_
