// SPDX-License-Identifier: Apache-2.0
//
// A Herald of real processes: the service, its gateways, browsers and a
// backend, on free ports of 127.0.0.1.
//
//   HeraldWorld world({.gateways = 2, .service_flags = {"--secret=s"}});
//   WebSocketClient& ada = world.Open(0);
//   ada.Subscribe("news");
//   world.backend().Broadcast("news", "created", "{}");
//
// The constructor returns when all is ready. Everything ends with the world.
//
// Threads: one, the test's main thread.

#ifndef HERALD_TESTS_SUPPORT_HERALD_WORLD_H_
#define HERALD_TESTS_SUPPORT_HERALD_WORLD_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "tests/support/backend.h"
#include "tests/support/deadline.h"
#include "tests/support/process.h"
#include "tests/support/prometheus_text.h"
#include "tests/support/websocket_client.h"

namespace herald::testing_support {

// The programs under test.
extern const char* const kServiceBinary;
extern const char* const kGatewayBinary;
extern const char* const kExampleAuthorizerBinary;

struct HeraldWorldOptions {
  size_t gateways = 2;
  std::vector<std::string> service_flags = {};
  std::vector<std::string> service_environment = {};  // As `NAME=value`.
  // Another program than herald-gateway, with its settings.
  std::string gateway_program = {};
  std::vector<std::string> gateway_flags = {};
  std::vector<std::string> gateway_environment = {};
  int gateway_files_max = 0;    // RLIMIT_NOFILE; 0: that of the test.
  std::string api_token = {};   // For the service, the gateways, the backend.
  bool is_restartable = false;  // StartService() and StartGateway() may come.
};

class HeraldWorld {
 public:
  explicit HeraldWorld(HeraldWorldOptions options = {});
  ~HeraldWorld();

  HeraldWorld(const HeraldWorld&) = delete;
  HeraldWorld& operator=(const HeraldWorld&) = delete;

  // The service.
  Process& service() { return *service_; }
  const std::string& grpc_address() const { return grpc_address_; }
  const std::string& metrics_address() const { return metrics_address_; }
  Backend& backend() { return *backend_; }

  // Starts the service again, on the same ports, after it has ended. Returns
  // when it listens, which is before it is ready. REQUIRES: is_restartable.
  void StartService();

  // The gateways, counted from 0.
  Process& gateway(size_t index) { return *gateways_.at(index).process; }
  const std::string& gateway_address(size_t index) const {
    return gateways_.at(index).address;
  }

  // Starts one more gateway, or one that has ended on the same port (then
  // REQUIRES: is_restartable), and waits until it listens.
  void AddGateway();
  void StartGateway(size_t index);

  // Waits until the service and each gateway whose process has not been reaped
  // answer 200 at /readyz.
  void WaitUntilReady();

  // Opens a browser at a gateway and waits for `connected`. It lives as long
  // as the world.
  WebSocketClient& Open(size_t gateway = 0, WebSocketOptions options = {});

  // A client of another protocol: begins to connect.
  WebSocketClient& OpenOther(size_t gateway, WebSocketOptions options);

  // Opens `count` at once, from several addresses of 127.0.0.0/8, spread over
  // the gateways in turn.
  std::vector<WebSocketClient*> OpenMany(size_t count);

  // A browser whose upgrade is refused: the HTTP status.
  int OpenRefused(size_t gateway = 0, WebSocketOptions options = {});

  // Serves the browsers until `done`; fails the test if the time is over.
  bool WaitUntil(absl::FunctionRef<bool()> done,
                 Milliseconds patience = kPatience);

  // The page of /metrics.
  PrometheusText ServiceMetrics() const;
  PrometheusText GatewayMetrics(size_t index) const;

  Loop& loop() { return loop_; }

 private:
  struct Gateway {
    std::string address;
    std::unique_ptr<Process> process;
  };

  const HeraldWorldOptions options_;
  std::string grpc_address_;
  std::string metrics_address_;
  Loop loop_;
  std::unique_ptr<Process> service_;
  std::vector<Gateway> gateways_;
  std::vector<std::unique_ptr<WebSocketClient>> clients_;
  std::unique_ptr<Backend> backend_;
};

// The lower-case hexadecimal HMAC-SHA256 of `text`.
std::string Sign(absl::string_view secret, absl::string_view text);

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_HERALD_WORLD_H_
