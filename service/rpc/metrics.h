// SPDX-License-Identifier: Apache-2.0
//
// What the service tells about itself: counts for Prometheus, and a log line
// for what happens rarely.
//
// Events are counted as they happen; what the hub knows anyway is pulled when
// somebody scrapes. One name for each fact, with its unit and HELP.
//
// Threads: any.

#ifndef HERALD_SERVICE_RPC_METRICS_H_
#define HERALD_SERVICE_RPC_METRICS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "prometheus/collectable.h"
#include "prometheus/histogram.h"
#include "proto/contract/mutex.h"
#include "service/core/hub.h"
#include "service/core/observer.h"
#include "service/rpc/authorizer_link.h"
#include "service/rpc/counters.h"

namespace herald::rpc {

class Metrics final : public core::Observer,
                      public AuthorizerObserver,
                      public prometheus::Collectable {
 public:
  explicit Metrics(std::string version);

  // Says from where to pull. Called once, before the first scrape; both outlive
  // the last one. Without an authorizer it is nullptr.
  void Pull(const core::Hub* hub, const AuthorizerLink* authorizer);

  // Calls `settled` when the hub's start is over, before it is logged. Called
  // once, before the hub is started.
  void WhenSettled(absl::AnyInvocable<void()> settled);

  // The file with rules was read again: with success, or the old ones stay.
  void OnConfigReloaded(bool ok) { Add(config_reloads_[ok ? 0 : 1], 1); }

  // What others count into.
  StreamCounters* links() { return &links_; }
  StreamCounters* watches() { return &watches_; }
  RpcCounters* rpcs() { return &rpcs_; }

  // prometheus::Collectable:
  std::vector<prometheus::MetricFamily> Collect() const override;

  // All of it, in Prometheus's text format.
  std::string Text() const;

  // core::Observer:
  void OnPublished(int64_t bytes, int64_t subscribers, int64_t gateways,
                   bool whisper) override;
  void OnRepeated() override;
  void OnSubscribeAnswered(absl::string_view outcome) override;
  void OnLinkOpened(uint64_t gateway) override;
  void OnAttached(uint64_t gateway, int64_t subscriptions) override;
  void OnLinkEnded(uint64_t gateway, absl::string_view why) override;
  void OnLeaseExpired(uint64_t gateway) override;
  void OnSettled(absl::Duration since_start) override;
  void OnRevoked() override;
  void OnKeyEvicted() override;
  void OnHistoriesEvicted(int64_t channels) override;
  void OnRecovery(bool available) override;
  void OnRevocationForgotten() override;
  void OnCallTimedOut() override;

  // AuthorizerObserver:
  void OnAuthorizerUp() override;
  void OnAuthorizerDown(const absl::Status& why) override;
  void OnDecision(absl::string_view outcome,
                  std::optional<absl::Duration> latency) override;
  void OnAuthorizerQueueFull() override { Add(authorizer_queue_full_, 1); }
  void OnAuthorizerIgnored(absl::string_view reason) override;

 private:
  // Counts by a label whose values are known; others count as the last one.
  static constexpr std::array<const char*, 7> kSubscribeOutcomes = {
      "allowed",         "unauthorized", "channel_full", "too_many_channels",
      "invalid_channel", "cancelled",    "unavailable"};
  static constexpr std::array<const char*, 3> kDecisionOutcomes = {
      "allowed", "denied", "unavailable"};
  static constexpr std::array<const char*, 5> kIgnoredReasons = {
      "empty", "invalid_revocation", "late", "malformed", "unknown_request"};
  static constexpr std::array<const char*, 2> kReloadResults = {"ok",
                                                                "refused"};

  void AppendGauges(std::vector<prometheus::MetricFamily>& out) const;
  void AppendCounters(std::vector<prometheus::MetricFamily>& out) const;
  void AppendLabelled(std::vector<prometheus::MetricFamily>& out) const;

  const std::string version_;

  // Constant after Pull().
  const core::Hub* hub_ = nullptr;
  const AuthorizerLink* authorizer_ = nullptr;

  // Constant after WhenSettled(); called once.
  absl::AnyInvocable<void()> settled_;

  StreamCounters links_;
  StreamCounters watches_;
  RpcCounters rpcs_;
  Count publications_{0};
  Count publication_bytes_{0};
  Count repeated_{0};
  Count whispers_{0};
  Count leases_expired_{0};
  Count revocations_{0};
  Count keys_evicted_{0};
  Count histories_evicted_{0};
  std::array<Count, 2> recoveries_{};
  Count revocations_forgotten_{0};
  Count calls_timed_out_{0};
  Count authorizer_streams_lost_{0};
  Count authorizer_queue_full_{0};
  std::array<Count, kSubscribeOutcomes.size()> subscribes_{};
  std::array<Count, kDecisionOutcomes.size()> decisions_{};
  std::array<Count, kIgnoredReasons.size()> ignored_{};
  std::array<Count, kReloadResults.size()> config_reloads_{};
  prometheus::Histogram authorizer_seconds_;

  // An authorizer that fails again and again is logged once in a while.
  contract::Mutex mu_;
  absl::Time down_logged_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  bool down_unlogged_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_METRICS_H_
