// SPDX-License-Identifier: Apache-2.0
//
// The service's end of a gateway's link: keeps account of the
// gateway's subscriptions and questions, and aborts when the gateway breaks a
// rule of gateway_service.proto.

#ifndef HERALD_TESTS_FUZZ_SERVICE_MODEL_H_
#define HERALD_TESTS_FUZZ_SERVICE_MODEL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "gateway/uplink/uplink.h"
#include "gateway/uplink/uplink_chunk.h"
#include "herald/link/v1/gateway_service.pb.h"

namespace herald::fuzz {

class ServiceModel final : public gateway::Uplink {
 public:
  struct Ticket {
    std::string channel;
    int64_t call = 0;  // That it answers; 0: none.
  };

  explicit ServiceModel(int64_t gateway) : gateway_(gateway) {}

  // A new link begins.
  void Begin();

  // An item is about to be sent to the gateway.
  void OnSent(const link::v1::ServiceItem& item);

  bool is_attached() const { return is_attached_; }

  // Questions and calls without an answer.
  const std::map<int64_t, Ticket>& tickets() const { return tickets_; }
  const std::set<int64_t>& renewals() const { return renewals_; }
  const std::set<int64_t>& calls() const { return calls_; }
  std::deque<link::v1::Recover>& recovers() { return recovers_; }

  // Subscriptions by channel; none of 0.
  const std::map<std::string, int64_t>& counts() const { return counts_; }
  // Where the gateway was when it attached, by channel.
  const std::map<std::string, v1::Position>& held() const { return held_; }

  // Uplink:
  void Enqueue(gateway::UplinkChunk chunk) override;
  bool TryEnqueue(gateway::UplinkChunk chunk, int64_t bytes_max) override;
  void EnqueueUnbounded(gateway::UplinkChunk chunk) override {
    Enqueue(std::move(chunk));
  }
  void Flush() override {}

  bool is_full = false;  // TryEnqueue() appends nothing.

 private:
  void On(const link::v1::GatewayItem& item);
  void OnHeld(const link::v1::Held& held);
  void OnSubscribe(const link::v1::Subscribe& question);
  void OnUnsubscribe(const link::v1::Unsubscribe& end);
  void OnCallResult(const link::v1::CallResult& result);
  void Answer(int64_t ticket, bool allows);

  const int64_t gateway_;
  bool is_attached_ = false;
  bool has_hello_ = false;
  int64_t last_ticket_ = 0;
  std::map<int64_t, Ticket> tickets_;
  std::map<int64_t, std::string> allowed_;  // Channels, by ticket.
  std::map<std::string, int64_t> counts_;
  std::map<std::string, v1::Position> held_;
  std::set<int64_t> renewals_;
  std::set<int64_t> calls_;
  std::set<int64_t> lost_calls_;  // Of earlier links.
  std::deque<link::v1::Recover> recovers_;
  // Channels whose gateway waits for the answer to a `recover`.
  std::set<std::string> recovering_;
};

}  // namespace herald::fuzz

#endif  // HERALD_TESTS_FUZZ_SERVICE_MODEL_H_
