// SPDX-License-Identifier: Apache-2.0

#include "gateway/process/metrics.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/support/prometheus_text.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using testing_support::PrometheusText;

TEST(TheMetricsPage, IsOfTheTextFormatAndExplainsEveryName) {
  GatewayMetrics metrics("1.2.3");
  const PrometheusText page(metrics.Text({}));
  EXPECT_EQ(page.error(), "");
  EXPECT_GT(page.families().size(), 20u);
  for (const auto& [name, family] : page.families()) {
    EXPECT_TRUE(absl::StartsWith(name, "herald_gateway_") ||
                name == "herald_log_dropped_total")  // As of the service.
        << name;
    EXPECT_NE(family.help, "") << name;
  }
  EXPECT_EQ(page.Sum("herald_gateway_build_info", {{"version", "1.2.3"}}), 1);
}

TEST(TheMetricsPage, ShowsEveryReasonFromTheStart) {
  GatewayMetrics metrics("");
  const std::string page = metrics.Text({});
  for (const char* sample :
       {"closed_connections_total{reason=\"slow\"} 0",
        "closed_connections_total{reason=\"no_heartbeat\"} 0",
        "closed_connections_total{reason=\"disconnected\"} 0",
        "refused_connections_total{reason=\"origin\"} 0",
        "refused_connections_total{reason=\"full\"} 0",
        "refused_connections_total{reason=\"overrun\"} 0",
        "subscribes_refused_total{code=\"channel_full\"} 0",
        "recoveries_total{outcome=\"recovered\"} 0",
        "recoveries_total{outcome=\"lost\"} 0"}) {
    EXPECT_TRUE(absl::StrContains(page, sample)) << sample;
  }
}

TEST(GatewayEvents, AreCounted) {
  GatewayMetrics metrics("");
  metrics.OnOpened();
  metrics.OnOpened();
  metrics.OnClosed(CloseReason::kNormal);
  metrics.OnWebsocketEnded(CloseReason::kBadUtf8);
  metrics.OnUpgradeRefused(UpgradeRefusal::kFull, "");
  metrics.OnSubscriptions(5);
  metrics.OnSubscriptions(-2);
  metrics.OnSubscribeRefused("unauthorized");
  metrics.OnRecovery(true);
  metrics.OnRecovery(true);
  metrics.OnRecovery(false);
  metrics.OnGap();
  metrics.OnSlow(1000);
  metrics.OnWhisperRefused();
  metrics.OnLinkLag(absl::Seconds(2));
  metrics.OnLinkLag(absl::Seconds(-1));  // A clock that runs ahead.
  metrics.OnReadingPaused();
  metrics.OnGrantPostponed();
  metrics.Text({.link_pauses = 2});
  const PrometheusText page(metrics.Text({.queue_bytes = 7,
                                          .inbox_bytes = 8,
                                          .link_up = true,
                                          .link_settled = true,
                                          .link_queue_bytes = 9,
                                          .link_pauses = 3}));
  const auto sum = [&](const char* name) {
    return page.Sum(std::string("herald_gateway_") + name);
  };
  EXPECT_EQ(sum("connections"), 1);
  EXPECT_EQ(sum("connections_total"), 2);
  EXPECT_EQ(page.Sum("herald_gateway_closed_connections_total",
                     {{"reason", "bad_utf8"}}),
            1);
  EXPECT_EQ(sum("closed_connections_total"), 1);
  EXPECT_EQ(page.Sum("herald_gateway_refused_connections_total",
                     {{"reason", "full"}}),
            1);
  EXPECT_EQ(sum("subscriptions"), 3);
  EXPECT_EQ(page.Sum("herald_gateway_subscribes_refused_total",
                     {{"code", "unauthorized"}}),
            1);
  EXPECT_EQ(
      page.Sum("herald_gateway_recoveries_total", {{"outcome", "recovered"}}),
      2);
  EXPECT_EQ(sum("recoveries_total"), 3);
  EXPECT_EQ(sum("gaps_total"), 1);
  EXPECT_EQ(sum("slow_consumers_total"), 1);
  EXPECT_EQ(sum("dropped_bytes_total"), 1000);
  EXPECT_EQ(sum("queue_bytes"), 7);
  EXPECT_EQ(sum("whispers_refused_total"), 1);
  EXPECT_EQ(sum("inbox_bytes"), 8);
  EXPECT_EQ(sum("link_lag_seconds_sum"), 2);
  EXPECT_EQ(sum("link_lag_seconds_count"), 2);
  EXPECT_EQ(sum("link_up"), 1);
  EXPECT_EQ(sum("link_settled"), 1);
  EXPECT_EQ(sum("link_queue_bytes"), 9);
  EXPECT_EQ(sum("link_pauses_total"), 3);
  EXPECT_EQ(sum("reading_paused_total"), 1);
  EXPECT_EQ(sum("grants_postponed_total"), 1);
}

TEST(ADelivery, IsObservedOnceHoweverManySocketsThereAre) {
  GatewayMetrics metrics("");
  metrics.OnDelivered(1000, 50, absl::Milliseconds(3));
  metrics.OnDelivered(1, 10, absl::Seconds(-1));  // A clock that runs ahead.
  const PrometheusText page(metrics.Text({}));
  EXPECT_EQ(page.Sum("herald_gateway_deliveries_total"), 1001);
  EXPECT_EQ(page.Sum("herald_gateway_delivery_bytes_total"), 50010);
  EXPECT_EQ(page.Sum("herald_gateway_publish_to_socket_seconds_count"), 2);
  EXPECT_EQ(page.Sum("herald_gateway_publish_to_socket_seconds_sum"), 0.003);
  EXPECT_EQ(page.Sum("herald_gateway_publish_to_socket_seconds_bucket",
                     {{"le", "0.0025"}}),
            1);
}

}  // namespace
}  // namespace herald::gateway
