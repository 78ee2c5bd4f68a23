// SPDX-License-Identifier: Apache-2.0
//
// Counts the service's events for Prometheus, and logs the rare ones.
//
// Events are counted as they happen; counts that the service keeps anyway are
// pulled at each scrape. One name for each fact, with its unit and HELP.
//
// Threads: any.

#ifndef HERALD_SERVICE_PROCESS_METRICS_H_
#define HERALD_SERVICE_PROCESS_METRICS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "prometheus/collectable.h"
#include "prometheus/histogram.h"
#include "proto/log/log_pause.h"
#include "service/api/queries.h"
#include "service/channel/observer.h"
#include "service/rpc/authorizer/authorizer_link.h"
#include "service/rpc/gate/counters.h"

namespace herald::service {

class ServiceMetrics final : public core::ServiceObserver,
                             public rpc::AuthorizerObserver,
                             public prometheus::Collectable {
 public:
  explicit ServiceMetrics(std::string version);

  // Sets the sources to pull from; `authorizer` is nullptr if there is none,
  // and `target` is its address. Called once, before the first scrape; both
  // outlive the last one.
  void Pull(const core::Queries* queries, const rpc::AuthorizerLink* authorizer,
            std::string target = "");

  // Calls `changed` when the core may have become ready or unready, before that
  // is logged. Called once, before the core is made.
  void WhenReadyChanges(absl::AnyInvocable<void()> changed);

  // The file with rules was read again. False: the old rules stay in force.
  void OnConfigReloaded(bool ok) { rpc::Add(config_reloads_[ok ? 0 : 1], 1); }

  // A sentence for operators if all gateways have left this service, so that
  // publications reach no browser. Otherwise empty.
  std::string AudienceWarning() const;

  int64_t links_evicted() const { return links_evicted_; }

  // Counters that the rim increments.
  rpc::StreamCounters* links() { return &links_; }
  rpc::StreamCounters* watches() { return &watches_; }
  rpc::RpcCounters* rpcs() { return &rpcs_; }

  // prometheus::Collectable:
  std::vector<prometheus::MetricFamily> Collect() const override;

  // All metrics in Prometheus's text format.
  std::string Text() const;

  // core::ServiceObserver:
  void OnPublished(const core::Published& published) override;
  void OnRepeated() override;
  void OnSubscribeAnswered(absl::string_view socket_id,
                           absl::string_view channel,
                           absl::string_view outcome) override;
  void OnLinkOpened(uint64_t gateway) override;
  void OnAttached(uint64_t gateway, int64_t subscriptions) override;
  void OnLinkEnded(uint64_t gateway, absl::string_view why) override;
  void OnLinkEvicted() override { rpc::Add(links_evicted_, 1); }
  void OnMoving(uint64_t gateway, absl::string_view target) override;
  void OnLeaseExpired(uint64_t gateway) override;
  void OnSettled(absl::Duration since_start) override;
  void OnEngineUp(bool up) override;
  void OnRevoked() override;
  void OnKeyEvicted() override;
  void OnHistoriesEvicted(int64_t channels) override;
  void OnDeparturesDelayed(int64_t count) override {
    rpc::Add(departures_delayed_, count);
  }
  void OnRecovery(bool available) override;
  void OnRevocationForgotten() override;
  void OnCallTimedOut() override;

  // AuthorizerObserver:
  void OnAuthorizerUp() override;
  void OnAuthorizerDown(const absl::Status& why) override;
  void OnAuthorizerStreamLost() override {
    rpc::Add(authorizer_streams_lost_, 1);
  }
  void OnAuthorizerStreamBroken(const absl::Status& why, int poisoned) override;
  void OnDecision(absl::string_view outcome,
                  std::optional<absl::Duration> latency) override;
  void OnAuthorizerQueueFull() override { rpc::Add(authorizer_queue_full_, 1); }
  void OnAuthorizerIgnored(absl::string_view reason) override;

 private:
  using Count = rpc::Count;

  // The values of labels. Unknown ones count as the last one.
  static constexpr std::array<const char*, 8> kSubscribeOutcomes = {
      "allowed",         "unauthorized",    "channel_full", "too_many_channels",
      "invalid_channel", "invalid_message", "cancelled",    "unavailable"};
  static constexpr std::array<const char*, 3> kDecisionOutcomes = {
      "allowed", "denied", "unavailable"};
  static constexpr std::array<const char*, 5> kIgnoredReasons = {
      "empty", "invalid_revocation", "late", "malformed", "unknown_request"};
  static constexpr std::array<const char*, 2> kReloadResults = {"ok",
                                                                "refused"};

  void AppendGauges(std::vector<prometheus::MetricFamily>& out) const;
  void AppendTraffic(std::vector<prometheus::MetricFamily>& out) const;
  void AppendRareEvents(std::vector<prometheus::MetricFamily>& out) const;
  void AppendLabelled(std::vector<prometheus::MetricFamily>& out) const;

  const std::string version_;

  // Constant after Pull().
  const core::Queries* queries_ = nullptr;
  const rpc::AuthorizerLink* authorizer_ = nullptr;
  std::string authorizer_target_;

  // Constant after WhenReadyChanges().
  absl::AnyInvocable<void()> ready_changed_;

  rpc::StreamCounters links_;
  rpc::StreamCounters watches_;
  rpc::RpcCounters rpcs_;
  Count publications_{0};
  Count publication_bytes_{0};
  Count repeated_{0};
  Count whispers_{0};
  Count leases_expired_{0};
  Count gateways_moved_{0};
  Count links_evicted_{0};
  std::atomic<bool> had_gateways_{false};  // Since the start.
  Count revocations_{0};
  Count keys_evicted_{0};
  Count histories_evicted_{0};
  Count departures_delayed_{0};
  std::array<Count, 2> recoveries_{};
  Count revocations_forgotten_{0};
  Count calls_timed_out_{0};
  Count authorizer_streams_lost_{0};
  Count authorizer_queue_full_{0};
  Count authorizer_poisoned_{0};
  std::array<Count, kSubscribeOutcomes.size()> subscribes_{};
  std::array<Count, kDecisionOutcomes.size()> decisions_{};
  std::array<Count, kIgnoredReasons.size()> ignored_{};
  std::array<Count, kReloadResults.size()> config_reloads_{};
  prometheus::Histogram authorizer_seconds_;

  // Streams that the authorizer breaks are logged once a second, with the
  // number of those before; changes of the connection are always logged.
  process::LogPause broken_pause_;
};

}  // namespace herald::service

#endif  // HERALD_SERVICE_PROCESS_METRICS_H_
