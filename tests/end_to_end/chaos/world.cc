// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/world.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/chaos/failure.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"
#include "tests/support/restartable_port.h"

namespace herald::chaos {
namespace {

std::string LocalAddress(int port) { return absl::StrCat("127.0.0.1:", port); }

// Ports that stay ours while their servers are down, each another one.
class Ports {
 public:
  int Next() {
    for (;;) {
      const int port = testing_support::RestartablePort();
      if (port == 0) Fail("there is no free port");
      if (taken_.insert(port).second) return port;
    }
  }

 private:
  std::set<int> taken_;
};

std::string Program(const RoundOptions& options, const std::string& name,
                    const char* built) {
  return options.bin.empty() ? built : absl::StrCat(options.bin, "/", name);
}

bool AnswersReady(int port) {
  return testing_support::HttpGet(LocalAddress(port), "/readyz").status == 200;
}

}  // namespace

World::World(const RoundOptions& options, const Plan& plan,
             const std::string& directory, Loop* loop)
    : rules_path_(options.history ? absl::StrCat(directory, "/rules.json")
                                  : "") {
  Ports ports;
  service_port_ = ports.Next();
  metrics_port_ = ports.Next();
  backend_port_ = ports.Next();
  const int authorizer_port = ports.Next();
  const auto log = [&](const std::string& name) {
    return absl::StrCat(directory, "/", name, ".log");
  };
  authorizer_ = std::make_unique<Server>(
      "authorizer",
      std::vector<std::string>{
          Program(options, "herald-example-authorizer",
                  testing_support::kExampleAuthorizerBinary),
          absl::StrCat("--address=", LocalAddress(authorizer_port))},
      log("authorizer"));
  std::vector<std::string> service = {
      Program(options, "herald-service", testing_support::kServiceBinary),
      absl::StrCat("--grpc_address=", LocalAddress(service_port_)),
      absl::StrCat("--metrics_address=", LocalAddress(metrics_port_)),
      absl::StrCat("--authorizer=", LocalAddress(authorizer_port)),
      absl::StrCat("--authorizer_timeout=", testing_support::kSlowness)};
  if (options.history) {
    WriteRules(Whim::kHistory);
    service.push_back(absl::StrCat("--config=", rules_path_));
    if (plan.history_memory > 0) {
      service.push_back(absl::StrCat("--history_memory=", plan.history_memory));
    }
  }
  service_ =
      std::make_unique<Server>("service", std::move(service), log("service"));
  backend_ = std::make_unique<Proxy>(loop, backend_port_, service_port_);
  for (int i = 0; i < plan.gateways; ++i) {
    const std::string name = absl::StrCat("gateway-", i);
    const int link_port = ports.Next();
    Gateway gateway;
    gateway.port = ports.Next();
    gateway.link = std::make_unique<Proxy>(loop, link_port, service_port_);
    gateway.server = std::make_unique<Server>(
        name,
        std::vector<std::string>{
            Program(options, "herald-gateway", testing_support::kGatewayBinary),
            absl::StrCat("--ws_address=", LocalAddress(gateway.port)),
            absl::StrCat("--service=", LocalAddress(link_port)),
            absl::StrCat("--gateway_threads=", plan.gateway_threads),
            absl::StrCat("--drain_time=", plan.drain_seconds)},
        log(name));
    gateways_.push_back(std::move(gateway));
  }
  for (Server* const server : servers()) server->Start();
}

void World::WriteRules(Whim whim) const {
  // Renamed, for a service that starts must not find half of it.
  const std::string draft = absl::StrCat(rules_path_, ".draft");
  std::ofstream(draft) << RulesText(whim);
  std::filesystem::rename(draft, rules_path_);
}

void World::SetRules(Whim whim) {
  if (rules_path_.empty()) return;
  WriteRules(whim);
  service_->Hangup();
}

std::string World::backend_address() const {
  return LocalAddress(backend_port_);
}

std::string World::service_address() const {
  return LocalAddress(service_port_);
}

std::vector<Server*> World::servers() {
  std::vector<Server*> all = {authorizer_.get(), service_.get()};
  for (const Gateway& gateway : gateways_) all.push_back(gateway.server.get());
  return all;
}

void World::CheckAlive() {
  for (Server* const server : servers()) server->CheckAlive();
}

bool World::IsReady() {
  if (Clock::now() < next_look_) return false;
  next_look_ = Clock::now() + Milliseconds(50);
  CheckAlive();
  if (!AnswersReady(metrics_port_)) return false;
  for (const Gateway& gateway : gateways_) {
    if (!AnswersReady(gateway.port)) return false;
  }
  return true;
}

}  // namespace herald::chaos
