// SPDX-License-Identifier: Apache-2.0

#include "gateway/process/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <string>

namespace herald::gateway {
namespace {

using contract::CloseReason;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

// The names of all values of an enum up to `last`.
template <auto last>
constexpr auto AllNames() {
  std::array<absl::string_view, static_cast<size_t>(last) + 1> names;
  for (size_t i = 0; i < names.size(); ++i) {
    names[i] = NameOf(static_cast<decltype(last)>(i));
  }
  return names;
}

constexpr auto kCloseReasons = AllNames<CloseReason::kUnfinished>();
constexpr auto kRefusals = AllNames<UpgradeRefusal::kNoProxy>();

constexpr std::array<absl::string_view, 5> kRateLimits = {
    "whispers", "messages", "answers", "window", "congestion"};
static_assert(kRateLimits.size() ==
              static_cast<size_t>(RateLimit::kCongested) + 1);

constexpr std::array<absl::string_view, 2> kRecoveries = {"recovered", "lost"};

// From 100 µs, the latency of an idle machine, to 5 s.
const Histogram::BucketBoundaries kLatencyBounds = {
    .0001, .00025, .0005, .001, .0025, .005, .01, .025,
    .05,   .1,     .25,   .5,   1,     2.5,  5};

Counter& AddCounter(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(registry)
      .Add({});
}

Histogram& AddHistogram(Registry& registry, const char* name,
                        const char* help) {
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(registry)
      .Add({}, kLatencyBounds);
}

Gauge& AddGauge(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(
      {});
}

// Another machine's clock may be ahead of this one's.
void Observe(Histogram& histogram, absl::Duration duration) {
  histogram.Observe(std::max(0.0, absl::ToDoubleSeconds(duration)));
}

// One counter per value of a label, all registered from the start.
template <size_t kSize>
std::array<Counter*, kSize> AddCounters(
    Registry& registry, const char* name, const char* help, const char* label,
    const std::array<absl::string_view, kSize>& values) {
  Family<Counter>& family =
      prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  std::array<Counter*, kSize> counters;
  for (size_t i = 0; i < kSize; ++i) {
    counters[i] = &family.Add({{label, std::string(values[i])}});
  }
  return counters;
}

// Raises a counter to the total of another object.
void RaiseTo(int64_t total, Counter* counter) {
  const double news = static_cast<double>(total) - counter->Value();
  if (news > 0) counter->Increment(news);
}

}  // namespace

// Registers each instrument as it is constructed, in the order of /metrics.
struct GatewayMetrics::Instruments {
  explicit Instruments(Registry& registry) : r(registry) {
    for (const char* code :
         {"unauthorized", "channel_full", "too_many_channels",
          "invalid_channel", "invalid_message", "unavailable"}) {
      subscribes_refused.Add({{"code", code}});
    }
  }

  Registry& r;
  Gauge& connections =
      AddGauge(r, "herald_gateway_connections", "Open WebSockets.");
  Counter& connections_total =
      AddCounter(r, "herald_gateway_connections_total", "WebSockets opened.");
  const std::array<Counter*, kRefusals.size()> refused = AddCounters(
      r, "herald_gateway_refused_connections_total",
      "WebSocket upgrades refused, by reason.", "reason", kRefusals);
  const std::array<Counter*, kCloseReasons.size()> closed =
      AddCounters(r, "herald_gateway_closed_connections_total",
                  "WebSockets closed, by reason; normal: the client or "
                  "the network ended it.",
                  "reason", kCloseReasons);
  Gauge& subscriptions = AddGauge(r, "herald_gateway_subscriptions",
                                  "Subscriptions of the open WebSockets.");
  Family<Counter>& subscribes_refused =
      prometheus::BuildCounter()
          .Name("herald_gateway_subscribes_refused_total")
          .Help("Subscribes answered with subscription_error, by code.")
          .Register(r);
  const std::array<Counter*, kRecoveries.size()> recoveries = AddCounters(
      r, "herald_gateway_recoveries_total",
      "Subscribes with recover that were answered, by whether all missed "
      "events were sent.",
      "outcome", kRecoveries);
  Counter& gaps =
      AddCounter(r, "herald_gateway_gaps_total",
                 "Events missing on the link, which were requested again.");
  Counter& deliveries = AddCounter(r, "herald_gateway_deliveries_total",
                                   "Events passed to WebSockets: one for each "
                                   "publication and subscriber.");
  Counter& delivery_bytes =
      AddCounter(r, "herald_gateway_delivery_bytes_total",
                 "Bytes of these events, with WebSocket framing.");
  Histogram& publish_to_socket = AddHistogram(
      r, "herald_gateway_publish_to_socket_seconds",
      "Seconds from the service accepting a publication to its delivery to "
      "the sockets of one event loop; once per publication and loop.");
  Counter& slow_consumers =
      AddCounter(r, "herald_gateway_slow_consumers_total",
                 "WebSockets closed because they read too "
                 "slowly.");
  Counter& dropped_bytes = AddCounter(r, "herald_gateway_dropped_bytes_total",
                                      "Bytes dropped when slow WebSockets were "
                                      "closed.");
  Counter& dropped_events =
      AddCounter(r, "herald_gateway_dropped_events_total",
                 "Events dropped for later ones of the same "
                 "channel because a WebSocket read too slowly.");
  Counter& messages = AddCounter(r, "herald_gateway_messages_total",
                                 "Messages received from clients.");
  Counter& bad_messages =
      AddCounter(r, "herald_gateway_bad_messages_total",
                 "Messages from clients that could not be parsed.");
  Counter& whispers = AddCounter(r, "herald_gateway_whispers_total",
                                 "Client events passed on.");
  Counter& whispers_refused = AddCounter(
      r, "herald_gateway_whispers_refused_total",
      "Client events refused because the service was away or its queue was "
      "full.");
  Counter& whispers_dropped = AddCounter(
      r, "herald_gateway_whispers_dropped_total",
      "Client events not delivered to a WebSocket because half of its "
      "queue was full: one for each WebSocket.");
  Gauge& queue_bytes =
      AddGauge(r, "herald_gateway_queue_bytes", "Bytes queued for WebSockets.");
  Gauge& inbox_bytes =
      AddGauge(r, "herald_gateway_inbox_bytes",
               "Bytes from the link queued for delivery by the "
               "event loops.");
  Gauge& half_open =
      AddGauge(r, "herald_gateway_half_open_connections",
               "Connections that are not WebSockets, or not yet.");
  Gauge& unfinished_bytes =
      AddGauge(r, "herald_gateway_unfinished_bytes",
               "Bytes of messages that have begun and not ended.");
  Gauge& link_up = AddGauge(r, "herald_gateway_link_up",
                            "1 if the link to the service is open, else 0.");
  Gauge& link_settled =
      AddGauge(r, "herald_gateway_link_settled",
               "1 if the service answers on the link, else 0.");
  Counter& link_ended =
      AddCounter(r, "herald_gateway_link_ended_total",
                 "Links to the service that ended or could not be "
                 "opened.");
  Gauge& link_queue_bytes = AddGauge(r, "herald_gateway_link_queue_bytes",
                                     "Bytes queued for the link.");
  Histogram& link_lag = AddHistogram(
      r, "herald_gateway_link_lag_seconds",
      "Seconds from the service accepting a publication to the gateway "
      "reading it, by the clocks of both; once for each frame of the link, "
      "for its oldest publication.");
  Counter& link_pauses = AddCounter(
      r, "herald_gateway_link_pauses_total",
      "Times that reading the link paused because the inbox of an event "
      "loop was full.");
  Counter& log_dropped = AddCounter(r, "herald_log_dropped_total",
                                    "Log lines that could not be written.");
  Counter& reading_paused = AddCounter(
      r, "herald_gateway_reading_paused_total",
      "Times that reading a WebSocket paused because too many of its "
      "subscribes had no answer, or because of a rate limit.");
  const std::array<Counter*, kRateLimits.size()> rate_limited = AddCounters(
      r, "herald_gateway_rate_limited_total",
      "Whispers refused with rate_limited (whispers), and times that "
      "reading a WebSocket paused because it sent too many messages, "
      "received large answers, had whispers in flight to the service "
      "(window), or whispered more than others could read (congestion).",
      "limit", kRateLimits);
  Counter& grants_asked =
      AddCounter(r, "herald_gateway_grants_asked_total",
                 "Grants sent for renewal before their end.");
  Counter& grants_postponed = AddCounter(
      r, "herald_gateway_grants_postponed_total",
      "Renewals of grants postponed because the service was away or its "
      "queue was full.");
  Counter& grants_ended = AddCounter(r, "herald_gateway_grants_ended_total",
                                     "Grants that ended without a renewal.");
  Counter& half_open_cut = AddCounter(
      r, "herald_gateway_half_open_connections_cut_total",
      "Connections cut before their WebSocket upgrade, to admit those of "
      "other sources.");
  Counter& accept_errors = AddCounter(r, "herald_gateway_accept_errors_total",
                                      "Failed calls of accept.");
};

GatewayMetrics::GatewayMetrics(absl::string_view version)
    : registry_(std::make_unique<Registry>()),
      all_(std::make_unique<Instruments>(*registry_)) {
  prometheus::BuildGauge()
      .Name("herald_gateway_build_info")
      .Help("Always 1; the label is the running release.")
      .Register(*registry_)
      .Add({{"version", std::string(version)}})
      .Set(1);
}

GatewayMetrics::~GatewayMetrics() = default;

std::string GatewayMetrics::Text(const Readings& readings) {
  all_->queue_bytes.Set(static_cast<double>(readings.queue_bytes));
  all_->inbox_bytes.Set(static_cast<double>(readings.inbox_bytes));
  all_->half_open.Set(static_cast<double>(readings.half_open_count));
  all_->unfinished_bytes.Set(static_cast<double>(readings.unfinished_bytes));
  all_->link_up.Set(readings.link_up ? 1 : 0);
  all_->link_settled.Set(readings.link_settled ? 1 : 0);
  all_->link_queue_bytes.Set(static_cast<double>(readings.link_queue_bytes));
  {
    // A counter only goes up, and two scrapes may run at the same time.
    contract::MutexLock lock(&mu_);
    RaiseTo(readings.link_pauses, &all_->link_pauses);
    RaiseTo(readings.log_lines_dropped, &all_->log_dropped);
  }
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

void GatewayMetrics::OnOpened() {
  all_->connections.Increment();
  all_->connections_total.Increment();
}

void GatewayMetrics::OnClosed(CloseReason /*why*/) {
  all_->connections.Decrement();
}

void GatewayMetrics::OnSubscriptions(int64_t delta) {
  all_->subscriptions.Increment(static_cast<double>(delta));
}

void GatewayMetrics::OnSubscribeRefused(absl::string_view code) {
  all_->subscribes_refused.Add({{"code", std::string(code)}}).Increment();
}

void GatewayMetrics::OnRecovery(bool recovered) {
  all_->recoveries[recovered ? 0 : 1]->Increment();
}
void GatewayMetrics::OnGap() { all_->gaps.Increment(); }

void GatewayMetrics::OnDelivered(int64_t sockets, int64_t frame_bytes,
                                 absl::Duration since_publish) {
  all_->deliveries.Increment(static_cast<double>(sockets));
  all_->delivery_bytes.Increment(static_cast<double>(sockets * frame_bytes));
  Observe(all_->publish_to_socket, since_publish);
}

void GatewayMetrics::OnSlow(int64_t bytes) {
  all_->dropped_bytes.Increment(static_cast<double>(bytes));
  all_->slow_consumers.Increment();
}

void GatewayMetrics::OnDropped(int64_t events) {
  all_->dropped_events.Increment(static_cast<double>(events));
}

void GatewayMetrics::OnMessage(int64_t /*bytes*/) {
  all_->messages.Increment();
}
void GatewayMetrics::OnBadMessage() { all_->bad_messages.Increment(); }
void GatewayMetrics::OnWhisper() { all_->whispers.Increment(); }
void GatewayMetrics::OnWhisperRefused() { all_->whispers_refused.Increment(); }
void GatewayMetrics::OnLinkEnded(absl::string_view /*why*/) {
  all_->link_ended.Increment();
}
void GatewayMetrics::OnLinkLag(absl::Duration lag) {
  Observe(all_->link_lag, lag);
}
void GatewayMetrics::OnWhisperDropped(int64_t readers) {
  all_->whispers_dropped.Increment(static_cast<double>(readers));
}
void GatewayMetrics::OnReadingPaused() { all_->reading_paused.Increment(); }
void GatewayMetrics::OnRateLimited(RateLimit which) {
  all_->rate_limited[static_cast<size_t>(which)]->Increment();
}
void GatewayMetrics::OnGrantAsked() { all_->grants_asked.Increment(); }
void GatewayMetrics::OnGrantPostponed() { all_->grants_postponed.Increment(); }
void GatewayMetrics::OnGrantEnded() { all_->grants_ended.Increment(); }

void GatewayMetrics::OnUpgradeRefused(UpgradeRefusal why,
                                      absl::string_view /*detail*/) {
  all_->refused[static_cast<size_t>(why)]->Increment();
}

void GatewayMetrics::OnWebsocketEnded(CloseReason why) {
  all_->closed[static_cast<size_t>(why)]->Increment();
}

void GatewayMetrics::OnHalfOpenCut() { all_->half_open_cut.Increment(); }
void GatewayMetrics::OnAcceptError() { all_->accept_errors.Increment(); }

}  // namespace herald::gateway
