// SPDX-License-Identifier: Apache-2.0
//
// A browser: it follows some channels, leaves and returns, loses its
// connection, sleeps, reconnects to another gateway and recovers, as
// proto/WEBSOCKET.md asks of clients. Its views receive all frames and judge
// them.
//
// Threads: the loop's.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_CLIENT_H_
#define HERALD_TESTS_END_TO_END_CHAOS_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/end_to_end/chaos/attendance.h"
#include "tests/end_to_end/chaos/channel_view.h"
#include "tests/end_to_end/chaos/connection.h"
#include "tests/end_to_end/chaos/loop.h"
#include "tests/end_to_end/chaos/op_log.h"
#include "tests/end_to_end/chaos/plan.h"
#include "tests/end_to_end/chaos/random.h"
#include "tests/end_to_end/chaos/socket_list.h"
#include "tests/end_to_end/chaos/world.h"

namespace herald::chaos {

// The objects that all clients of a round share. Outlives them.
struct ClientWorld {
  const Plan* plan;
  World* world;
  Loop* loop;
  Ledger* ledger;
  OrderBook* order;
  SocketList* sockets;
  Attendance* attendance;
  OpLog* log;
  int64_t whisperers = 0;  // Connections that were numbered as publishers.
};

class Client final : private Connection::Owner {
 public:
  // Is nowhere yet. The last of them are slow (plan.h).
  Client(int number, ClientWorld* shared, Random random);
  ~Client() override;

  // Connects, and does one thing after the other until Settle().
  void Start();

  // Has a slow one stop reading, and go on. It must be connected.
  void Pause();
  void Resume();

  // From now on it connects, subscribes to its channels, and stays.
  void Settle();

  // Whether that is done: no answer is due, and it is subscribed to its
  // channels and to nothing else.
  bool is_settled() const;

  // Disconnects for good. It lives on until the loop does nothing more, which
  // may still call it.
  void Stop();

  // Why it is not settled, for a report.
  std::string WhatIsMissing() const;

  const std::string& name() const { return name_; }
  bool is_slow() const { return is_slow_; }
  const std::string& user() const { return user_; }
  const std::string& socket_id() const { return socket_id_; }

  struct Follow {
    bool wanted = true;
    ChannelView view;
    int64_t doubts = 0;  // Of its gateway, when it asked.
  };
  const std::vector<Follow>& follows() const { return follows_; }

  // How often it was cut for reading too slowly.
  int64_t cuts() const { return cuts_; }

 private:
  // Connection::Owner.
  void OnText(absl::string_view text) override;
  void OnEnd(const End& end) override;

  // The connection.
  void Connect();
  void ConnectAfter(Milliseconds wait);
  void GiveUpConnecting(int64_t attempt);
  void Forget();

  // One thing or another.
  void ActAfter(Milliseconds wait);
  void Act();
  void ActSlowly();
  void Leave(bool politely, Milliseconds sleep);
  void Toggle(Follow* follow);
  void Repeat(Follow* follow);
  void Flap(Follow* follow);
  void Whisper(Follow* follow);

  void Subscribe(Follow* follow);
  void Unsubscribe(Follow* follow);
  void Catch(Follow* follow);  // Subscribes or leaves, if it should.
  Recover HowToRecover(const ChannelView& view);
  // Its effect on the members that are present.
  void Arrive(const Follow& follow);
  void GoAway(const Follow& follow);
  void Log(const std::string& what);

  ClientWorld* const shared_;
  Random random_;
  const std::string name_;
  const std::string user_;
  const bool is_slow_;
  const bool is_steady_;  // It does not leave by itself.

  std::vector<Follow> follows_;
  std::shared_ptr<Connection> connection_;  // Null: it sleeps.
  std::string socket_id_;                   // Empty before `connected`.
  size_t gateway_ = 0;
  int64_t gateway_ends_ = 0;  // Of the gateway, when it connected.
  int64_t attempt_ = 0;       // Connections so far.
  int64_t whisperer_ = 0;     // Its number in whispers of this connection.
  int64_t whispers_ = 0;
  bool settles_ = false;
  bool is_paused_ = false;
  int64_t cuts_ = 0;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_CLIENT_H_
