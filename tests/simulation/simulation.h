// SPDX-License-Identifier: Apache-2.0
//
// Listeners that subscribe and leave at two gateways and as Watches,
// publishers, links that break, rules that change, and a service that is
// restarted; at the end all is well again, and every listener must have
// everything. All follows from the seed.

#ifndef HERALD_TESTS_SIMULATION_SIMULATION_H_
#define HERALD_TESTS_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/simulation/listener.h"
#include "tests/simulation/simulated_herald.h"
#include "tests/simulation/truth.h"

namespace herald::simulation {

class Simulation {
 public:
  Simulation(uint32_t seed, EngineKind kind);

  // Fails the test that is running.
  void Run();

  int recovered() const { return recovered_; }
  int lost() const { return lost_; }
  int received() const { return received_; }

 private:
  // One listener, and its connection if it has one.
  struct Seat {
    Listener listener;
    bool watches = false;  // As a backend.
    int gateway = 0;
    std::unique_ptr<SimulatedGateway::Browser> browser = nullptr;
    std::optional<SimulatedHerald::Watch> watch = std::nullopt;
  };

  int Draw(int end) {
    return static_cast<int>(random_() % static_cast<uint32_t>(end));
  }
  Listener::Wish DrawWish();
  Listener::Memory MemoryOf(int channel) const;

  void Step();
  void Act(Seat& seat, int gateway);
  void Trouble(int gateway);
  void Restart(int node);
  void Lose(int gateway);
  void Publish(const std::string& channel);
  void OnPublished(const core::Publication& publication,
                   const core::Position& position);
  void ChangeRules(int64_t size);

  void Come(Seat& seat, int gateway);
  void Leave(Seat& seat);
  void Ask(Seat& seat);
  void AskAgain(Seat& seat);
  void AskToLeave(Seat& seat);
  void Call(Seat& seat);
  void Send(Seat& seat, const std::string& text);
  void Turn(int gateway, int loop);
  void Receive(Seat& seat);

  void Settle();
  void CheckEnd(Seat& seat);

  std::mt19937 random_;
  uint64_t last_epoch_ = 0;
  int64_t published_ = 0;
  const bool has_memory_;
  const EngineKind kind_;
  const bool loses_;  // Links lose publications, which a later gap reveals.
  Truth truth_;
  SimulatedHerald herald_;
  std::vector<Seat> seats_;
  int recovered_ = 0;
  int lost_ = 0;
  int received_ = 0;
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_SIMULATION_H_
