// SPDX-License-Identifier: Apache-2.0
//
// The Herald of a round: a service, gateways and an authorizer, as processes on
// ports of their own that they keep, and a piece of network before the service
// for each gateway's link and for the publishers.
//
// Threads: the main thread; but for the addresses and the counters of servers.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_WORLD_H_
#define HERALD_TESTS_END_TO_END_CHAOS_WORLD_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/end_to_end/chaos/loop.h"
#include "tests/end_to_end/chaos/plan.h"
#include "tests/end_to_end/chaos/proxy.h"
#include "tests/end_to_end/chaos/server.h"

namespace herald::chaos {

class World {
 public:
  // Starts all processes; IsReady() is true once they serve. Logs and the rules
  // file go to `directory`.
  World(const RoundOptions& options, const Plan& plan,
        const std::string& directory, Loop* loop);

  Server& service() { return *service_; }
  Server& authorizer() { return *authorizer_; }
  size_t gateway_count() const { return gateways_.size(); }
  Server& gateway(size_t index) { return *gateways_.at(index).server; }
  int gateway_port(size_t index) const { return gateways_.at(index).port; }

  // The network between a gateway and the service, and between the publishers
  // and the service.
  Proxy& link(size_t index) { return *gateways_.at(index).link; }
  Proxy& backend() { return *backend_; }

  // Where publishers find the service, and where it really is.
  std::string backend_address() const;
  std::string service_address() const;

  // Has the service read other rules.
  void SetRules(Whim whim);

  // All processes, in the order in which they are started.
  std::vector<Server*> servers();

  // Fails if a process has ended that the test did not end.
  void CheckAlive();

  // Whether the service and all gateways answer 200 at /readyz. Asks at most
  // every 50 ms. REQUIRES: all are up.
  bool IsReady();

 private:
  struct Gateway {
    int port = 0;
    std::unique_ptr<Proxy> link;
    std::unique_ptr<Server> server;
  };

  void WriteRules(Whim whim) const;

  const std::string rules_path_;  // Empty: there are no rules.
  int service_port_ = 0;
  int metrics_port_ = 0;
  int backend_port_ = 0;
  std::unique_ptr<Proxy> backend_;
  std::unique_ptr<Server> authorizer_;
  std::unique_ptr<Server> service_;
  std::vector<Gateway> gateways_;
  Clock::time_point next_look_ = {};
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_WORLD_H_
