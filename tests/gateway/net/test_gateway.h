// SPDX-License-Identifier: Apache-2.0
//
// A gateway without its process: loops, listeners and the router are real, the
// link is a list of the gateway's items, and the test plays the service.
//
//   TestGateway gateway;
//   gateway.Settle();
//   RawSocket ada(gateway.address());
//   ASSERT_EQ(ada.Upgrade(), 101);
//   gateway.Subscribe(ada, "news");
//   gateway.Publish("news", "\"hello\"");
//
// Threads: one, the test's.

#ifndef HERALD_TESTS_GATEWAY_NET_TEST_GATEWAY_H_
#define HERALD_TESTS_GATEWAY_NET_TEST_GATEWAY_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gateway/dialects/native/native_dialect.h"
#include "gateway/http/listener.h"
#include "gateway/net/event_loop.h"
#include "gateway/net/gateway_state.h"
#include "gateway/process/metrics.h"
#include "gateway/router/router.h"
#include "gateway/uplink/uplink.h"
#include "gateway/uplink/uplink_chunk.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/mutex.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {

// Keeps the gateway's items.
class FakeUplink final : public Uplink {
 public:
  void Enqueue(UplinkChunk chunk) override;
  bool TryEnqueue(UplinkChunk chunk, int64_t /*bytes_max*/) override {
    Enqueue(std::move(chunk));
    return true;
  }
  void EnqueueUnbounded(UplinkChunk chunk) override {
    Enqueue(std::move(chunk));
  }
  void Flush() override {}

  std::vector<link::v1::GatewayItem> items() const;

 private:
  mutable contract::Mutex mu_;
  std::vector<link::v1::GatewayItem> items_ ABSL_GUARDED_BY(mu_);
};

struct TestGatewayOptions {
  int threads = 1;
  int64_t connections_max = 0;
  int64_t connect_rate_max = 0;
  int64_t half_open_max = 4096;
  size_t queue_bytes_max = 1 << 20;
  ClientRates client_rates = {};
  absl::Duration message_time = absl::Seconds(30);
  absl::Duration write_timeout = absl::Seconds(30);
  int descriptors_max = std::numeric_limits<int>::max();
  std::vector<std::string> origins = {"*"};
  std::string address = "127.0.0.1:0";
  std::string ws_path = "/ws";
  bool proxy_protocol = false;
  std::vector<std::string> trusted_proxies = {};
  link::v1::Settings settings = {};  // A field of 0 gets a default.
};

class TestGateway {
 public:
  explicit TestGateway(TestGatewayOptions options = {});
  ~TestGateway();

  const std::string& address() const { return address_; }
  Router& router() { return router_; }
  GatewayState& state() { return state_; }
  const std::vector<std::unique_ptr<EventLoop>>& loops() { return loops_; }

  // Opens the link and sends the settings and that the service answers.
  void Settle();

  // Sends as the service.
  void Send(link::v1::ServiceItem item);

  // The first subscribe for the channel that was not returned before.
  link::v1::Subscribe WaitForSubscribe(absl::string_view channel);

  // Has the socket subscribe, allows it, and reads the answer, after all frames
  // before it.
  void Subscribe(testing_support::RawSocket& socket,
                 const std::string& channel);

  void Publish(const std::string& channel, const std::string& data);

  // A number of the /metrics page.
  double Metric(absl::string_view name,
                const std::map<std::string, std::string>& labels = {});

  // Waits until it has the value.
  bool WaitForMetric(absl::string_view name, double value,
                     const std::map<std::string, std::string>& labels = {});

 private:
  const TestGatewayOptions options_;
  const NativeDialect dialect_;
  GatewayMetrics metrics_{"test"};
  Router router_{4711, "test", &metrics_};
  GatewayState state_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::optional<process::ListeningSockets> sockets_;
  std::shared_ptr<FakeUplink> uplink_ = std::make_shared<FakeUplink>();
  std::string address_;
  int64_t last_ticket_ = 0;
};

// Upgrades and reads `connected`. Returns the socket id; empty: it has none.
std::string Connect(testing_support::RawSocket& socket);

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_NET_TEST_GATEWAY_H_
