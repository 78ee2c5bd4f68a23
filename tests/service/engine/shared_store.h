// SPDX-License-Identifier: Apache-2.0
//
// The store of a cluster in tests: N nodes (shared_engine.h) share it as they
// would share a Redis. Its truth is a MemoryEngine, so numbering, keys,
// presence, leases and graces are those of a single service.
//
// Each node has three queues: its commands to the store, the answers to them,
// and pushes (publications, histories, member changes, the bus). Each is in
// order; which queue advances is chosen at random in each Turn(), so that
// nodes see things late and in different orders.
//
// Deterministic: one thread, no clock; the same `random` is the same run.
// REQUIRES: no lock of a core is held, unless stated otherwise.

#ifndef HERALD_TESTS_SERVICE_ENGINE_SHARED_STORE_H_
#define HERALD_TESTS_SERVICE_ENGINE_SHARED_STORE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "service/channel/timers.h"
#include "service/engine/node_bus.h"
#include "service/history/mirror.h"
#include "service/memory/memory_engine.h"
#include "tests/service/engine/shared_registry.h"

namespace herald::core {

class SharedEngine;

class SharedStore {
 public:
  // `timers` outlives the store. `random` chooses the next event.
  SharedStore(Timers* timers, int nodes, std::function<uint64_t()> random,
              MemoryEngineOptions options = {});
  ~SharedStore();

  SharedEngine& node(int index) { return *nodes_[Index(index)].engine; }
  static std::string NameOf(int node);

  // Does one step that is possible now. False if there is none.
  bool Turn();
  // Does all open work, and its consequences. Commands of nodes that are cut
  // off stay.
  void Settle();

  // --- Faults

  // Breaks the node's connection. Of the commands on their way some of the
  // first are carried out; answers and pushes on their way are lost. Calls
  // without an answer, and those made from now on, end with UNAVAILABLE.
  void Cut(int node);
  // Connects the node again; it compares positions and requests missed events.
  void Reconnect(int node);
  // The store fails over to a copy that may lack the newest publications: all
  // connections break and return, and all histories begin new epochs.
  void ForgetEnd();
  // While it is down, all calls that may fail are UNAVAILABLE. Leases and
  // graces go on ending.
  void SetUp(bool up);
  // The node dies. Its engine may still be called, and does nothing. The leases
  // of its gateways begin to run out. Destroy the node's core, then Restart().
  void Kill(int node);
  void Restart(int node);
  bool IsAlive(int node) const { return nodes_[Index(node)].alive; }

  // Called with each stored publication, in the order of the store; the
  // position of one that is not numbered is empty.
  std::function<void(const Publication&, const Position&)> on_publication;

  // --- For nodes. Send() and Answer() may be called with a lock held.

  // `run` is called once: with true to be carried out by the store, or with
  // false if the store cannot be reached. A lasting command waits for it.
  struct Command {
    absl::AnyInvocable<void(bool reached)> run;
    bool lasting = false;
  };
  void Send(int node, Command command);
  // `run` is called once, at the node: with false if the answer was lost.
  void Answer(int node, absl::AnyInvocable<void(bool arrived)> run);
  bool IsConnected(int node) const;
  absl::Time Now() const { return timers_->Now(); }

  // --- Effects of commands in the store. `node` is the one that has sent them.

  MemoryEngine& truth() { return truth_; }
  const MemoryEngine& truth() const { return truth_; }

  // Pushes of the channel go to the node from now on, or no longer. Each
  // subscription has a number of its own, which comes with its pushes.
  void Subscribe(int node, const std::string& channel, int64_t number);
  void Unsubscribe(int node, const std::string& channel, int64_t number);
  void Open(int node, const std::string& channel, const HistoryLimits& limits);
  void Close(int node, const std::string& channel);
  Mirror::LogAnswer AnswerTo(const std::string& channel,
                             const Mirror::LogQuestion& question);
  struct Place {
    Position position;
    int64_t version = 0;  // Of its members.
  };
  Place PlaceOf(const std::string& channel);
  int64_t VersionOf(const std::string& channel) const;
  // `subscription` counts those of the node.
  Admission Admit(int node, const std::string& channel,
                  AdmissionRequest subscription);

  // Pushes a mark behind all that was pushed to the node, and returns it.
  int64_t PushFence(int node);

  int64_t Attach(int node, uint64_t gateway);
  void Detach(uint64_t gateway, int64_t attach, bool goodbye);

  std::vector<OtherNode> NodesBut(int node) const;
  absl::StatusOr<std::string> FindNode(int asker, uint64_t gateway) const;
  void SendBus(int from, const std::string& to, const std::string& bytes);
  SharedRegistry& registry() { return registry_; }

 private:
  class Listener;

  struct Answering {
    absl::AnyInvocable<void(bool arrived)> run;
    bool arrived = true;
  };
  struct Node {
    std::unique_ptr<SharedEngine> engine;
    bool alive = true;
    bool cut = false;
    std::deque<Command> commands;
    std::deque<Answering> answers;
    std::deque<absl::AnyInvocable<void()>> pushes;
  };
  struct Channel {
    std::string epoch;                         // Of its history.
    Position previous;                         // See Mirror::OnHistory().
    int64_t offset = 0;                        // Of its last publication.
    std::map<int64_t, Mirror::Entry> entries;  // By offset; the last ones.
    int64_t version = 0;                       // Of its members.
    std::map<int, int64_t> subscribers;        // Node to subscription.
    std::map<int, HistoryLimits> open;         // By node.
  };
  static size_t Index(int node) { return static_cast<size_t>(node); }
  // Where the channel's history is; nowhere while its end is forgotten.
  Position EndOf(const Channel& channel) const;
  // Carries out the next command of the node, or ends one that cannot be.
  void RunCommand(int node);
  void RunAnswer(int node);
  void RunPush(int node);
  bool HasCommand(int node) const;
  void Execute(int node, Command command);
  void Refuse(Node& node);
  // Calls `make` for each node that is subscribed, and queues the results.
  void Push(const std::string& channel,
            absl::FunctionRef<absl::AnyInvocable<void()>(SharedEngine&,
                                                         int64_t number)>
                make);
  // The node that sets the rules: that of the running command, or any.
  SharedEngine* NodeOfRules();

  Timers* const timers_;
  const std::function<uint64_t()> random_;
  const std::unique_ptr<Listener> listener_;
  MemoryEngine truth_;
  std::vector<Node> nodes_;
  int64_t last_fence_ = 0;
  bool up_ = true;
  bool forgetting_ = false;
  std::optional<int> executing_;  // The node of the running command.

  std::map<std::string, Channel> channels_;
  SharedRegistry registry_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_ENGINE_SHARED_STORE_H_
