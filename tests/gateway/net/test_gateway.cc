// SPDX-License-Identifier: Apache-2.0

#include "tests/gateway/net/test_gateway.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/support/deadline.h"
#include "tests/support/prometheus_text.h"

namespace herald::gateway {

using contract::MutexLock;
using testing_support::ClientFrame;
using testing_support::kText;
using testing_support::PrometheusText;
using testing_support::RawSocket;
using testing_support::ServerFrame;
using testing_support::WaitUntil;

void FakeUplink::Enqueue(UplinkChunk chunk) {
  std::string bytes;
  std::move(chunk).MoveTo(&bytes);
  link::v1::AttachRequest frame;
  EXPECT_TRUE(frame.ParseFromString(bytes));
  MutexLock lock(&mu_);
  items_.insert(items_.end(), frame.items().begin(), frame.items().end());
}

std::vector<link::v1::GatewayItem> FakeUplink::items() const {
  MutexLock lock(&mu_);
  return items_;
}

TestGateway::TestGateway(TestGatewayOptions options)
    : options_(std::move(options)) {
  state_.router = &router_;
  state_.observer = &metrics_;
  state_.shard_count = options_.threads;
  if (options_.connections_max > 0) {
    state_.connections.SetMax(options_.connections_max);
  }
  state_.connect_rate.Set(options_.connect_rate_max);
  state_.half_open_max = options_.half_open_max;
  state_.client_rates = options_.client_rates;
  state_.queue_bytes_max = options_.queue_bytes_max;
  state_.message_time = options_.message_time;
  state_.write_timeout = options_.write_timeout;
  state_.descriptors_max = options_.descriptors_max;
  state_.origins = OriginPatterns(options_.origins);
  state_.endpoints.Add(options_.ws_path, &dialect_);
  state_.proxy_protocol = options_.proxy_protocol;
  state_.trusted_proxies = *TrustedProxies::Parse(options_.trusted_proxies);
  state_.pages.not_ready = [this] {
    return std::string(router_.settled() ? "" : "there is no service");
  };
  state_.pages.metrics = [this] {
    GatewayMetrics::Readings readings;
    for (const auto& loop : loops_) {
      readings.queue_bytes += loop->queue_bytes();
      readings.inbox_bytes += loop->inbox_bytes();
      readings.half_open_count += loop->half_open_count();
      readings.unfinished_bytes += loop->unfinished_bytes();
    }
    return metrics_.Text(readings);
  };
  std::vector<ShardInbox*> shards;
  for (int i = 0; i < options_.threads; ++i) {
    loops_.push_back(std::make_unique<EventLoop>(i, &state_));
    shards.push_back(loops_.back().get());
  }
  router_.SetShards(std::move(shards));
  absl::StatusOr<Listening> listening = Listen(options_.address, loops_);
  if (!listening.ok()) {
    ADD_FAILURE() << listening.status();
    return;
  }
  address_ = listening->sockets.address();
  for (size_t i = 0; i < listening->acceptors.size(); ++i) {
    listeners_.push_back(std::make_unique<Listener>(
        loops_[i % loops_.size()].get(), std::move(listening->acceptors[i])));
    listeners_.back()->Start();
  }
  sockets_.emplace(std::move(listening->sockets));
  for (const auto& loop : loops_) loop->Start();
}

TestGateway::~TestGateway() {
  for (const auto& loop : loops_) loop->Stop();
  for (const auto& loop : loops_) loop->Join();
}

void TestGateway::Settle() {
  router_.LinkUp(uplink_, absl::ZeroDuration());
  link::v1::ServiceItem settings;
  *settings.mutable_settings() = options_.settings;
  link::v1::Settings& all = *settings.mutable_settings();
  all.set_revision(1);
  if (all.heartbeat_interval_ms() == 0) all.set_heartbeat_interval_ms(30'000);
  if (all.client_timeout_ms() == 0) all.set_client_timeout_ms(60'000);
  if (all.max_payload() == 0) all.set_max_payload(65'536);
  Send(std::move(settings));
  link::v1::ServiceItem settled;
  settled.mutable_settled();
  Send(std::move(settled));
  // Every loop has the settings when they are acknowledged.
  EXPECT_TRUE(WaitUntil([&] {
    const auto items = uplink_->items();
    return !items.empty() && items.back().has_settings_acknowledged();
  }));
}

void TestGateway::Send(link::v1::ServiceItem item) {
  link::v1::AttachResponse frame;
  *frame.add_items() = std::move(item);
  EXPECT_TRUE(router_.Receive(std::move(frame)).ok());
}

link::v1::Subscribe TestGateway::WaitForSubscribe(absl::string_view channel) {
  link::v1::Subscribe found;
  EXPECT_TRUE(WaitUntil([&] {
    for (const link::v1::GatewayItem& item : uplink_->items()) {
      if (item.subscribe().channel() != channel) continue;
      if (item.subscribe().ticket() <= last_ticket_) continue;
      found = item.subscribe();
      return true;
    }
    return false;
  }));
  last_ticket_ = found.ticket();
  return found;
}

void TestGateway::Subscribe(RawSocket& socket, const std::string& channel) {
  socket.Send(ClientFrame(
      kText,
      absl::StrCat(R"({"type":"subscribe","channel":")", channel, R"("})")));
  link::v1::ServiceItem yes;
  yes.mutable_subscribed()->set_ticket(WaitForSubscribe(channel).ticket());
  Send(std::move(yes));
  std::optional<ServerFrame> frame;
  do {
    frame = socket.ReadFrame();
    ASSERT_TRUE(frame.has_value());
  } while (!absl::StartsWith(frame->payload, R"({"type":"subscribed")"));
}

void TestGateway::Publish(const std::string& channel, const std::string& data) {
  link::v1::ServiceItem item;
  item.mutable_publication()->set_channel(channel);
  item.mutable_publication()->set_event("said");
  item.mutable_publication()->set_data(data);
  item.mutable_publication()->set_published_us(absl::ToUnixMicros(absl::Now()));
  Send(std::move(item));
}

double TestGateway::Metric(absl::string_view name,
                           const std::map<std::string, std::string>& labels) {
  const PrometheusText page(state_.pages.metrics());
  EXPECT_EQ(page.error(), "");
  return page.Sum(name, labels);
}

bool TestGateway::WaitForMetric(
    absl::string_view name, double value,
    const std::map<std::string, std::string>& labels) {
  return WaitUntil([&] { return Metric(name, labels) == value; });
}

std::string Connect(RawSocket& socket) {
  EXPECT_EQ(socket.Upgrade(), 101);
  const std::string connected =
      socket.ReadFrame().value_or(ServerFrame()).payload;
  const absl::string_view beginning = R"({"type":"connected","socket_id":")";
  EXPECT_TRUE(absl::StartsWith(connected, beginning)) << connected;
  if (connected.size() < beginning.size()) return "";
  return connected.substr(beginning.size(),
                          connected.size() - beginning.size() - 2);
}

}  // namespace herald::gateway
