// SPDX-License-Identifier: Apache-2.0
//
// Browsers that join and leave presence channels at two gateways, an authorizer
// that answers at random times, revocations, links that break, and services
// that are restarted. At the end nothing is broken, and every roster must be
// complete. All follows from the seed.

#ifndef HERALD_TESTS_SIMULATION_PRESENCE_SIMULATION_H_
#define HERALD_TESTS_SIMULATION_PRESENCE_SIMULATION_H_

#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/attendee.h"
#include "tests/simulation/simulated_herald.h"

namespace herald::simulation {

class PresenceSimulation {
 public:
  PresenceSimulation(uint32_t seed, EngineKind kind);

  // Fails the test that is running.
  void Run();

  int joined() const;
  int refused() const;
  int revoked() const;

 private:
  // One attendee, and its connection if it has one.
  struct Seat {
    Attendee attendee;
    int gateway = 0;
    std::unique_ptr<SimulatedGateway::Browser> browser = nullptr;
  };

  int Draw(int end) {
    return static_cast<int>(random_() % static_cast<uint32_t>(end));
  }
  void Step();
  void Act(Seat& seat);
  void Trouble();
  void Restart(int node);
  void RevokeOne();
  // Has the authorizer of a node answer its oldest question. False if there is
  // none.
  bool Decide(int node, bool always);

  void Come(Seat& seat);
  void Go(Seat& seat);
  void Send(Seat& seat, const std::string& text);
  void Turn(int gateway, int loop);
  void Receive(Seat& seat);

  void CheckLimit();
  void Settle();
  void CheckEnd();
  std::set<std::string> Present(const std::string& channel) const;
  std::set<std::string> MembersAt(int node, const std::string& channel);
  int64_t SubscribersAt(int node, const std::string& channel);

  std::mt19937 random_;
  uint64_t last_epoch_ = 0;
  const EngineKind kind_;
  // Nothing breaks, so that the limit holds at any time. (The subscriptions of
  // a gateway that returns may exceed it.)
  const bool is_calm_;
  // The store loses nothing, so that revocations reach every gateway.
  const bool has_good_store_;
  SimulatedHerald herald_;
  std::vector<Seat> seats_;
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_PRESENCE_SIMULATION_H_
