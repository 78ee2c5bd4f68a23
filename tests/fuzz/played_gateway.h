// SPDX-License-Identifier: Apache-2.0
//
// A gateway's core between a service and clients that a fuzzer plays: the
// router and two loops without a network, a clock or threads. Nothing happens
// until the fuzzer has a loop take a turn.

#ifndef HERALD_TESTS_FUZZ_PLAYED_GATEWAY_H_
#define HERALD_TESTS_FUZZ_PLAYED_GATEWAY_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/dialects/native/native_dialect.h"
#include "gateway/loop/loop.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/router.h"
#include "gateway/session/shard.h"
#include "tests/fuzz/client_model.h"
#include "tests/fuzz/service_model.h"

namespace herald::fuzz {

inline constexpr int64_t kPlayedGatewayId = 7;
inline constexpr int kPlayedLoops = 2;

class PlayedGateway {
 public:
  explicit PlayedGateway(bool trusts_service);

  ServiceModel& service() { return *service_; }
  bool has_link() const { return has_link_; }
  std::vector<std::unique_ptr<ClientModel>>& clients() { return clients_; }

  // A link begins; the last one ends.
  void LinkUp();
  void LinkDown();

  // The service sends an item. REQUIRES: has_link().
  void Send(link::v1::ServiceItem item);

  // A client connects; leaves, or is gone.
  void Open(int loop);
  void Leave(size_t client);

  // A client sends a message, or a control frame, unless it is not read now.
  void Receive(ClientModel& client, absl::string_view text);
  void ReceiveControlFrame(ClientModel& client);

  // The loop takes one batch of the router, and ends its turn if it is to.
  void Turn(int loop);
  // All that is due happens.
  void Settle();
  void Sleep(absl::Duration time);

  // Sends up to `count` clients of a loop away.
  void CloseSome(int loop, int64_t count);

  // All clients leave. Then nothing of them is left. REQUIRES: a link whose
  // service has answered all.
  void RequireEmptyAfterwards();

 private:
  struct PlayedLoop final : gateway::Loop, gateway::ShardInbox {
    void RequestFlush() override { wants_flush = true; }
    void RequestFlushAt(absl::Time when) override { flush_at = when; }
    absl::Time Now() const override { return now; }
    absl::Time Monotonic() const override { return now; }
    void Post(std::vector<gateway::Delivery> batch) override {
      batches.push_back(std::move(batch));
    }

    absl::Time now = absl::FromUnixSeconds(1000);
    bool wants_flush = false;
    absl::Time flush_at = absl::InfiniteFuture();
    std::deque<std::vector<gateway::Delivery>> batches;
    std::unique_ptr<gateway::Shard> shard;
  };

  struct Counts final : gateway::GatewayObserver {
    void OnOpened() override { ++clients; }
    void OnClosed(contract::CloseReason /*why*/) override { --clients; }
    void OnSubscriptions(int64_t delta) override { subscriptions += delta; }
    int64_t clients = 0;
    int64_t subscriptions = 0;
  };

  void ReadAll();

  const bool trusts_service_;
  Counts counts_;
  const gateway::NativeDialect dialect_;
  gateway::Router router_{kPlayedGatewayId, "fuzz", &counts_,
                          /*missed_bytes_max=*/2000};
  std::shared_ptr<ServiceModel> service_ =
      std::make_shared<ServiceModel>(kPlayedGatewayId);
  std::array<PlayedLoop, kPlayedLoops> loops_;
  std::vector<std::unique_ptr<ClientModel>> clients_;
  uint64_t opened_ = 0;
  bool has_link_ = false;
};

}  // namespace herald::fuzz

#endif  // HERALD_TESTS_FUZZ_PLAYED_GATEWAY_H_
