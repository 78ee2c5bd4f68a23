// SPDX-License-Identifier: Apache-2.0
//
// The page that Prometheus reads.

#include "service/process/metrics.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "service/authorizer/no_authorizer.h"
#include "service/memory/memory_engine.h"
#include "service/process/timer_thread.h"
#include "tests/service/core/hub.h"
#include "tests/support/prometheus_text.h"

namespace herald::service {
namespace {

using rpc::Add;
using rpc::AuthorizerLink;
using rpc::Method;
using testing_support::PrometheusText;

class TheMetrics : public ::testing::Test {
 protected:
  TheMetrics() {
    link_ = AuthorizerLink::Create({.target = "127.0.0.1:1"}, &timers_,
                                   &metrics_, nullptr);
    metrics_.Pull(hub_.core()->queries(), link_.get());
  }
  ~TheMetrics() override { link_->Stop(); }

  PrometheusText Page() { return PrometheusText(metrics_.Text()); }

  TimerThread timers_;
  ServiceMetrics metrics_{"1.2.3"};
  core::MemoryEngine engine_{&timers_};
  authorizer::NoAuthorizer authorizer_;
  core::Hub hub_{{}, &engine_, &authorizer_, &timers_, &metrics_};
  std::shared_ptr<AuthorizerLink> link_;
};

TEST_F(TheMetrics, AreWellFormedAndExplained) {
  const PrometheusText page = Page();
  EXPECT_EQ(page.error(), "");
  EXPECT_GT(page.families().size(), 20u);
  for (const auto& [name, family] : page.families()) {
    EXPECT_TRUE(absl::StartsWith(name, "herald_")) << name;
    EXPECT_NE(family.help, "") << name;
    EXPECT_EQ(absl::EndsWith(name, "_total"), family.type == "counter") << name;
  }
}

TEST_F(TheMetrics, NameTheRelease) {
  EXPECT_EQ(Page().Sum("herald_build_info", {{"version", "1.2.3"}}), 1);
}

TEST_F(TheMetrics, CountEvents) {
  metrics_.OnPublished({.channel = "news", .bytes = 100, .subscribers = 5});
  metrics_.OnPublished({.channel = "news", .whisperer = "1.2", .bytes = 11});
  metrics_.OnRepeated();
  metrics_.OnRevoked();
  metrics_.OnKeyEvicted();
  metrics_.OnDeparturesDelayed(3);
  metrics_.OnRevocationForgotten();
  metrics_.OnCallTimedOut();
  metrics_.OnLeaseExpired(7);
  metrics_.OnLinkEvicted();
  metrics_.OnConfigReloaded(true);
  metrics_.OnConfigReloaded(false);
  metrics_.OnConfigReloaded(false);
  metrics_.OnSubscribeAnswered("1.2", "news", "allowed");
  metrics_.OnSubscribeAnswered("1.2", "news", "channel_full");
  Add(metrics_.links()->overflows, 1);
  Add(metrics_.links()->queue_bytes, 77);
  Add(metrics_.links()->dropped_bytes, 5);
  Add(metrics_.watches()->overflows, 2);
  Add(metrics_.watches()->dropped_bytes, 6);
  Add(metrics_.watches()->bytes_sent, 9);
  Add(metrics_.rpcs()->streams_paused, 4);
  metrics_.rpcs()->OnEnded(Method::kWatch, grpc::StatusCode::CANCELLED);

  const PrometheusText page = Page();
  EXPECT_EQ(page.Sum("herald_publications_total"), 2);
  EXPECT_EQ(page.Sum("herald_publication_bytes_total"), 111);
  EXPECT_EQ(page.Sum("herald_whispers_total"), 1);
  EXPECT_EQ(page.Sum("herald_publications_repeated_total"), 1);
  EXPECT_EQ(page.Sum("herald_revocations_total"), 1);
  EXPECT_EQ(page.Sum("herald_idempotency_keys_evicted_total"), 1);
  EXPECT_EQ(page.Sum("herald_departures_delayed_total"), 3);
  EXPECT_EQ(page.Sum("herald_revocations_forgotten_total"), 1);
  EXPECT_EQ(page.Sum("herald_calls_timed_out_total"), 1);
  EXPECT_EQ(page.Sum("herald_leases_expired_total"), 1);
  EXPECT_EQ(page.Sum("herald_links_evicted_total"), 1);
  EXPECT_EQ(page.Sum("herald_service_config_reloads_total", {{"result", "ok"}}),
            1);
  EXPECT_EQ(
      page.Sum("herald_service_config_reloads_total", {{"result", "refused"}}),
      2);
  EXPECT_EQ(page.Sum("herald_subscribes_total"), 2);
  EXPECT_EQ(page.Sum("herald_subscribes_total", {{"outcome", "channel_full"}}),
            1);
  EXPECT_EQ(page.Sum("herald_link_overflows_total"), 1);
  EXPECT_EQ(page.Sum("herald_link_queue_bytes"), 77);
  EXPECT_EQ(page.Sum("herald_link_dropped_bytes_total"), 5);
  EXPECT_EQ(page.Sum("herald_watch_overflows_total"), 2);
  EXPECT_EQ(page.Sum("herald_watch_dropped_bytes_total"), 6);
  EXPECT_EQ(page.Sum("herald_watch_bytes_total"), 9);
  EXPECT_EQ(page.Sum("herald_broadcast_streams_paused_total"), 4);
  EXPECT_EQ(page.Sum("herald_rpcs_total",
                     {{"method", "Watch"}, {"code", "CANCELLED"}}),
            1);
}

TEST_F(TheMetrics, ShowTheAuthorizer) {
  metrics_.OnDecision("allowed", absl::Milliseconds(2));
  metrics_.OnDecision("denied", absl::Milliseconds(20));
  metrics_.OnDecision("unavailable", std::nullopt);
  metrics_.OnAuthorizerQueueFull();
  metrics_.OnAuthorizerIgnored("empty");
  metrics_.OnAuthorizerStreamLost();
  metrics_.OnAuthorizerStreamBroken(absl::UnknownError("not a user"), 2);
  metrics_.OnAuthorizerDown(absl::UnavailableError("away"));

  const PrometheusText page = Page();
  EXPECT_EQ(page.error(), "");
  EXPECT_EQ(page.Sum("herald_authorizer_up"), 0);
  EXPECT_EQ(page.Sum("herald_authorizer_questions_queued"), 0);
  EXPECT_EQ(page.Sum("herald_authorizer_questions_in_flight"), 0);
  EXPECT_EQ(page.Sum("herald_authorizer_queue_full_total"), 1);
  EXPECT_EQ(page.Sum("herald_authorizer_decisions_total"), 3);
  EXPECT_EQ(page.Sum("herald_authorizer_seconds_count"), 2);
  EXPECT_DOUBLE_EQ(page.Sum("herald_authorizer_seconds_sum"), 0.022);
  EXPECT_EQ(page.Sum("herald_authorizer_seconds_bucket", {{"le", "0.005"}}), 1);
  EXPECT_EQ(page.Sum("herald_authorizer_ignored_total", {{"reason", "empty"}}),
            1);
  EXPECT_EQ(page.Sum("herald_authorizer_streams_lost_total"), 1);
  EXPECT_EQ(page.Sum("herald_authorizer_poisoned_total"), 2);
}

TEST_F(TheMetrics, LeaveOutAnAuthorizerThatIsNotConfigured) {
  metrics_.Pull(hub_.core()->queries(), nullptr);
  EXPECT_FALSE(Page().families().contains("herald_authorizer_up"));
}

}  // namespace
}  // namespace herald::service
