// SPDX-License-Identifier: Apache-2.0
//
// Trouble, at random: processes are killed, ended and stopped, links cut and
// held up, rules changed, a few at a time, and each heals by itself after a
// while.
//
// Threads: the loop's.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_NEMESIS_H_
#define HERALD_TESTS_END_TO_END_CHAOS_NEMESIS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "tests/end_to_end/chaos/attendance.h"
#include "tests/end_to_end/chaos/loop.h"
#include "tests/end_to_end/chaos/op_log.h"
#include "tests/end_to_end/chaos/random.h"
#include "tests/end_to_end/chaos/world.h"

namespace herald::chaos {

class Nemesis {
 public:
  // All of them must outlive it.
  Nemesis(World* world, Loop* loop, OpLog* log, Attendance* attendance,
          Random random);

  // Makes trouble until Heal().
  void Start();

  // Ends all trouble as soon as that is possible; is_over() is true from then
  // on.
  void Heal();
  bool is_over() const;

  // How often it has made any.
  int64_t troubles() const { return troubles_; }

 private:
  // A process or network that can be in trouble, and its way out of it.
  struct Target {
    std::string name;
    int weight = 0;  // How often it is chosen.
    std::function<void(Target*)> harm;
    std::optional<size_t> link = {};  // Of which gateway it is the link.
    bool is_in_trouble = false;
    std::function<void()> heal = nullptr;  // Null: it heals by itself.
    int64_t trouble = 0;                   // The number of the current one.
  };

  // The service may not know the gateways' state.
  void Doubt(const Target& target);

  void HarmServer(Target* target, Server* server);
  void HarmRules(Target* target);
  void HarmNetwork(Target* target, Proxy* proxy, Milliseconds outage_max);
  void Kill(Target* target, Server* server);
  void Terminate(Target* target, Server* server);
  void AwaitEnd(Target* target, Server* server, Clock::time_point deadline);
  void Restart(Target* target, Server* server);

  void HarmAfter(Milliseconds wait);
  void HarmOne();
  void Begin(Target* target, const std::string& what);
  void HealAfter(Target* target, Milliseconds wait, std::function<void()> heal);
  void HealNow(Target* target);

  World* const world_;
  Loop* const loop_;
  OpLog* const log_;
  Attendance* const attendance_;
  Random random_;
  std::deque<Target> targets_;
  int64_t troubles_ = 0;
  bool heals_ = false;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_NEMESIS_H_
