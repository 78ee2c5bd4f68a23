// SPDX-License-Identifier: Apache-2.0

#include "service/process/metrics.h"

#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "prometheus/text_serializer.h"
#include "proto/log/log.h"
#include "service/authorizer/authorizer_answer.h"

namespace herald::service {
namespace {

using process::Log;
using process::LogLevel;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using rpc::Add;
using rpc::AuthorizerLink;
using rpc::Count;
using rpc::kCodes;
using rpc::kMethods;

// Seconds; an authorizer on the same machine takes less than a millisecond.
const std::vector<double> kLatencyBuckets = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
    0.025,  0.05,    0.1,    0.25,  0.5,    1,     2.5};

constexpr std::array<const char*, kMethods> kMethodNames = {
    "Broadcast",  "BroadcastStream", "Subscribe",    "Unsubscribe",
    "GetMembers", "GetChannel",      "ListChannels", "GetStats",
    "GetHistory", "Disconnect",      "Watch",        "Attach"};

MetricFamily Family(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

void AppendGauge(std::vector<MetricFamily>& out, const char* name,
                 const char* help, int64_t value) {
  MetricFamily family = Family(name, help, MetricType::Gauge);
  family.metric.emplace_back().gauge.value = static_cast<double>(value);
  out.push_back(std::move(family));
}

void AppendCounter(std::vector<MetricFamily>& out, const char* name,
                   const char* help, const Count& count) {
  MetricFamily family = Family(name, help, MetricType::Counter);
  family.metric.emplace_back().counter.value = static_cast<double>(count);
  out.push_back(std::move(family));
}

ClientMetric Labelled(std::vector<ClientMetric::Label> labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  return metric;
}

template <size_t kSize>
MetricFamily CounterBy(const char* name, const char* help, const char* label,
                       const std::array<const char*, kSize>& values,
                       const std::array<Count, kSize>& counts) {
  MetricFamily family = Family(name, help, MetricType::Counter);
  for (size_t i = 0; i < kSize; ++i) {
    family.metric.push_back(
        Labelled({{label, values[i]}}, static_cast<double>(counts[i])));
  }
  return family;
}

template <size_t kSize>
void AddBy(const std::array<const char*, kSize>& values,
           std::array<Count, kSize>& counts, absl::string_view value) {
  size_t i = 0;
  while (i + 1 < kSize && value != values[i]) ++i;
  Add(counts[i], 1);
}

}  // namespace

ServiceMetrics::ServiceMetrics(std::string version)
    : version_(std::move(version)), authorizer_seconds_(kLatencyBuckets) {}

void ServiceMetrics::Pull(const core::Queries* queries,
                          const AuthorizerLink* authorizer,
                          std::string target) {
  authorizer_target_ = std::move(target);
  queries_ = queries;
  authorizer_ = authorizer;
}

void ServiceMetrics::WhenReadyChanges(absl::AnyInvocable<void()> changed) {
  ready_changed_ = std::move(changed);
}

std::vector<MetricFamily> ServiceMetrics::Collect() const {
  std::vector<MetricFamily> out;
  MetricFamily build =
      Family("herald_build_info", "The release that runs; always 1.",
             MetricType::Gauge);
  build.metric.emplace_back().label = {{"version", version_}};
  build.metric.back().gauge.value = 1;
  out.push_back(std::move(build));
  AppendGauges(out);
  AppendTraffic(out);
  AppendRareEvents(out);
  AppendLabelled(out);
  return out;
}

std::string ServiceMetrics::Text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, Collect());
  return std::move(out).str();
}

void ServiceMetrics::AppendGauges(std::vector<MetricFamily>& out) const {
  if (queries_ != nullptr) {
    const core::ServiceCounts counts = queries_->Counts();
    AppendGauge(out, "herald_ready", "1 when the service answers, else 0.",
                queries_->ready() ? 1 : 0);
    AppendGauge(out, "herald_gateways", "Attached gateways.", counts.gateways);
    AppendGauge(out, "herald_clients",
                "Open WebSockets on all gateways, as they report them.",
                counts.clients);
    AppendGauge(out, "herald_channels", "Channels that have a subscriber.",
                counts.channels);
    AppendGauge(out, "herald_subscriptions", "Subscriptions of all sockets.",
                counts.subscriptions);
    AppendGauge(out, "herald_members",
                "Users present, summed over all presence channels.",
                counts.members);
    AppendGauge(out, "herald_watches", "Open Watch calls.", counts.watches);
    AppendGauge(out, "herald_history_channels", "Channels with a history.",
                counts.histories);
    AppendGauge(out, "herald_history_bytes",
                "Memory of all histories (BROADCAST_HISTORY_MEMORY).",
                counts.history_bytes);
    AppendGauge(out, "herald_link_held_bytes",
                "Memory that all links hold: channels and items of gateways "
                "that attach, recoveries and state that wait.",
                counts.link_bytes);
  }
  AppendGauge(out, "herald_link_queue_bytes",
              "Bytes waiting for gateways, on all links.", links_.queue_bytes);
  AppendGauge(out, "herald_watch_queue_bytes",
              "Bytes waiting for the callers of Watch.", watches_.queue_bytes);
  if (authorizer_ != nullptr) {
    AppendGauge(out, "herald_authorizer_up",
                "1 when the authorizer's stream is open, else 0.",
                authorizer_->connected() ? 1 : 0);
    const AuthorizerLink::Questions questions = authorizer_->questions();
    AppendGauge(out, "herald_authorizer_questions_queued",
                "Questions that wait to be sent to the authorizer.",
                questions.queued);
    AppendGauge(out, "herald_authorizer_questions_suspected",
                "Those of them that were open on a stream that broke, or that "
                "come from the socket or address of one.",
                questions.suspects);
    AppendGauge(out, "herald_authorizer_questions_in_flight",
                "Questions that wait for the authorizer's answer.",
                questions.in_flight);
  }
}

void ServiceMetrics::AppendTraffic(std::vector<MetricFamily>& out) const {
  AppendCounter(out, "herald_log_dropped_total",
                "Log lines that could not be written.",
                Count(process::LogLinesDropped()));
  AppendCounter(out, "herald_publications_total",
                "Events that got their place in a channel, whispers included.",
                publications_);
  AppendCounter(out, "herald_publication_bytes_total",
                "Bytes of data of those events.", publication_bytes_);
  AppendCounter(out, "herald_publications_repeated_total",
                "Publishes answered from the memory of their idempotency key.",
                repeated_);
  AppendCounter(out, "herald_whispers_total", "Client events.", whispers_);
  AppendCounter(out, "herald_link_overflows_total",
                "Links ended because too much waited for the gateway.",
                links_.overflows);
  AppendCounter(out, "herald_watch_overflows_total",
                "Watches ended because too much waited for the caller.",
                watches_.overflows);
  AppendCounter(out, "herald_link_dropped_bytes_total",
                "Bytes that waited on those links and were discarded.",
                links_.dropped_bytes);
  AppendCounter(out, "herald_watch_dropped_bytes_total",
                "Bytes that waited on those Watches and were discarded.",
                watches_.dropped_bytes);
  AppendCounter(out, "herald_watch_messages_total", "Messages sent on Watches.",
                watches_.frames_sent);
  AppendCounter(out, "herald_watch_bytes_total", "Bytes of those messages.",
                watches_.bytes_sent);
  AppendCounter(out, "herald_broadcast_streams_paused_total",
                "Times that a BroadcastStream was not read because its caller "
                "had too many answers to read.",
                rpcs_.streams_paused);
}

void ServiceMetrics::AppendRareEvents(std::vector<MetricFamily>& out) const {
  AppendCounter(out, "herald_accept_errors_total",
                "Tries to accept a connection at the gRPC port that failed, "
                "most likely for want of files.",
                rpcs_.accept_errors);
  AppendCounter(out, "herald_gateways_moved_total",
                "Gateways that left to attach to another service.",
                gateways_moved_);
  AppendCounter(out, "herald_leases_expired_total",
                "Gateways lost whose members had to leave.", leases_expired_);
  AppendCounter(out, "herald_revocations_total",
                "Revocations passed on to gateways.", revocations_);
  AppendCounter(out, "herald_idempotency_keys_evicted_total",
                "Keys forgotten before their time, for there were too many.",
                keys_evicted_);
  AppendCounter(out, "herald_histories_evicted_total",
                "Histories discarded because memory was short.",
                histories_evicted_);
  AppendCounter(out, "herald_departures_delayed_total",
                "Ends of a member's last subscription after which it stayed "
                "present for longer, because it had left too often.",
                departures_delayed_);
  AppendCounter(out, "herald_revocations_forgotten_total",
                "Revocations forgotten before their time, for there were too "
                "many; gateways that were away renew all grants instead.",
                revocations_forgotten_);
  AppendCounter(out, "herald_calls_timed_out_total",
                "RPCs that a gateway did not carry out in time.",
                calls_timed_out_);
  AppendCounter(out, "herald_authorizer_queue_full_total",
                "Questions not asked because too many waited already.",
                authorizer_queue_full_);
  AppendCounter(out, "herald_authorizer_poisoned_total",
                "Questions denied because each was open on two streams that "
                "the authorizer ended.",
                authorizer_poisoned_);
  AppendCounter(out, "herald_authorizer_streams_lost_total",
                "Authorizer streams that ended or could not be opened; "
                "repeated failures of one outage count once.",
                authorizer_streams_lost_);
}

void ServiceMetrics::AppendLabelled(std::vector<MetricFamily>& out) const {
  AppendCounter(out, "herald_requests_ended_total",
                "Calls ended because their request did not come whole.",
                rpcs_.requests_ended);
  AppendCounter(out, "herald_connections_refused_total",
                "Connections at the gRPC port that were refused, or ended for "
                "a newcomer, because there were too many.",
                rpcs_.connections_refused);
  AppendCounter(out, "herald_links_evicted_total",
                "Links ended because all links together held too much.",
                links_evicted_);
  using Direction = std::array<const char*, 2>;
  constexpr Direction kDirections = {"received", "sent"};
  out.push_back(CounterBy<2>(
      "herald_link_frames_total", "Frames on links.", "direction", kDirections,
      {links_.frames_received.load(), links_.frames_sent.load()}));
  out.push_back(CounterBy<2>(
      "herald_link_bytes_total", "Bytes of frames on links.", "direction",
      kDirections, {links_.bytes_received.load(), links_.bytes_sent.load()}));
  constexpr std::array<const char*, 2> kPeers = {"gateway", "watch"};
  out.push_back(CounterBy<2>(
      "herald_whispers_dropped_total",
      "Whispers not sent to a peer because half of its queue was full.", "peer",
      kPeers,
      {links_.whispers_dropped.load(), watches_.whispers_dropped.load()}));
  constexpr Direction kRecoveries = {"recovered", "lost"};
  out.push_back(CounterBy("herald_recoveries_total",
                          "Positions from which gateways and Watches asked to "
                          "resume, by whether all later events were available.",
                          "outcome", kRecoveries, recoveries_));
  out.push_back(CounterBy("herald_subscribes_total",
                          "Subscribes that were answered, by outcome.",
                          "outcome", kSubscribeOutcomes, subscribes_));
  out.push_back(CounterBy("herald_service_config_reloads_total",
                          "Times that the file with rules for channels was "
                          "read again, by result.",
                          "result", kReloadResults, config_reloads_));
  if (authorizer_ != nullptr) {
    out.push_back(CounterBy("herald_authorizer_decisions_total",
                            "Questions decided, or not decided in time.",
                            "outcome", kDecisionOutcomes, decisions_));
    out.push_back(CounterBy("herald_authorizer_ignored_total",
                            "Messages of the authorizer that were ignored.",
                            "reason", kIgnoredReasons, ignored_));
    MetricFamily seconds =
        Family("herald_authorizer_seconds",
               "Seconds from asking the authorizer to its answer.",
               MetricType::Histogram);
    seconds.metric.push_back(authorizer_seconds_.Collect());
    out.push_back(std::move(seconds));
  }
  MetricFamily rpcs = Family("herald_rpcs_total",
                             "RPCs that have ended, by method and gRPC code.",
                             MetricType::Counter);
  for (size_t method = 0; method < kMethods; ++method) {
    for (size_t code = 0; code < kCodes; ++code) {
      const int64_t count = rpcs_.ended[method][code];
      if (count == 0 && code != 0) continue;
      rpcs.metric.push_back(Labelled(
          {{"method", kMethodNames[method]},
           {"code",
            absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}},
          static_cast<double>(count)));
    }
  }
  out.push_back(std::move(rpcs));
}

void ServiceMetrics::OnPublished(const core::Published& published) {
  Add(publications_, 1);
  Add(publication_bytes_, published.bytes);
  if (!published.whisperer.empty()) Add(whispers_, 1);
  if (!process::Logs(LogLevel::kDebug)) return;
  std::vector<process::LogField> fields = {
      {"channel", published.channel},
      {"event", published.event},
      {"bytes", published.bytes},
      {"subscribers", published.subscribers}};
  if (!published.whisperer.empty()) {
    fields.push_back({"socket_id", published.whisperer});
  }
  Log(LogLevel::kDebug, "published", fields);
}

void ServiceMetrics::OnRepeated() { Add(repeated_, 1); }

void ServiceMetrics::OnSubscribeAnswered(absl::string_view socket_id,
                                         absl::string_view channel,
                                         absl::string_view outcome) {
  AddBy(kSubscribeOutcomes, subscribes_, outcome);
  if (!process::Logs(LogLevel::kDebug)) return;
  Log(LogLevel::kDebug, "subscribe answered",
      {{"socket_id", socket_id}, {"channel", channel}, {"outcome", outcome}});
}

void ServiceMetrics::OnLinkOpened(uint64_t gateway) {
  Log(LogLevel::kDebug, "link opened", {{"gateway", absl::StrCat(gateway)}});
}

void ServiceMetrics::OnAttached(uint64_t gateway, int64_t subscriptions) {
  had_gateways_ = true;
  Log(LogLevel::kInfo, "gateway attached",
      {{"gateway", absl::StrCat(gateway)}, {"subscriptions", subscriptions}});
}

void ServiceMetrics::OnLinkEnded(uint64_t gateway, absl::string_view why) {
  Log(LogLevel::kInfo, "link ended",
      {{"gateway", absl::StrCat(gateway)}, {"why", std::string(why)}});
}

void ServiceMetrics::OnMoving(uint64_t gateway, absl::string_view target) {
  Add(gateways_moved_, 1);
  Log(LogLevel::kWarning, "gateway moves to another service",
      {{"gateway", absl::StrCat(gateway)}, {"target", std::string(target)}});
}

std::string ServiceMetrics::AudienceWarning() const {
  if (!had_gateways_ || queries_->Counts().gateways > 0) return "";
  return "warning: all gateways have left, so publications reach no browser; "
         "they may be attached to another service of BROADCAST_SERVICE";
}

void ServiceMetrics::OnLeaseExpired(uint64_t gateway) {
  Add(leases_expired_, 1);
  Log(LogLevel::kWarning, "gateway lost", {{"gateway", absl::StrCat(gateway)}});
}

void ServiceMetrics::OnSettled(absl::Duration since_start) {
  if (ready_changed_) ready_changed_();
  Log(LogLevel::kInfo, "ready",
      {{"after_ms", absl::ToInt64Milliseconds(since_start)}});
}

void ServiceMetrics::OnEngineUp(bool up) {
  if (ready_changed_) ready_changed_();
  if (up) {
    Log(LogLevel::kInfo, "engine reached again");
  } else {
    Log(LogLevel::kWarning, "engine cannot be reached");
  }
}

void ServiceMetrics::OnRevoked() { Add(revocations_, 1); }

void ServiceMetrics::OnKeyEvicted() { Add(keys_evicted_, 1); }

void ServiceMetrics::OnHistoriesEvicted(int64_t channels) {
  Add(histories_evicted_, channels);
}

void ServiceMetrics::OnRecovery(bool available) {
  Add(recoveries_[available ? 0 : 1], 1);
}

void ServiceMetrics::OnRevocationForgotten() { Add(revocations_forgotten_, 1); }

void ServiceMetrics::OnCallTimedOut() {
  Add(calls_timed_out_, 1);
  Log(LogLevel::kWarning, "gateway did not answer a call in time");
}

void ServiceMetrics::OnAuthorizerUp() {
  Log(LogLevel::kInfo, "authorizer connected",
      {{"target", authorizer_target_}});
}

void ServiceMetrics::OnAuthorizerDown(const absl::Status& why) {
  Log(LogLevel::kWarning, "authorizer lost",
      {{"target", authorizer_target_}, {"why", authorizer::CleanStatus(why)}});
}

void ServiceMetrics::OnAuthorizerStreamBroken(const absl::Status& why,
                                              int poisoned) {
  Add(authorizer_poisoned_, poisoned);
  const std::optional<int64_t> unlogged = broken_pause_.Pass();
  if (!unlogged.has_value()) return;
  Log(LogLevel::kWarning, "authorizer ended a stream",
      {{"why", authorizer::CleanStatus(why)},
       {"denied_questions", poisoned},
       {"not_logged", *unlogged}});
}

void ServiceMetrics::OnDecision(absl::string_view outcome,
                                std::optional<absl::Duration> latency) {
  AddBy(kDecisionOutcomes, decisions_, outcome);
  if (latency.has_value()) {
    authorizer_seconds_.Observe(absl::ToDoubleSeconds(*latency));
  }
}

void ServiceMetrics::OnAuthorizerIgnored(absl::string_view reason) {
  AddBy(kIgnoredReasons, ignored_, reason);
  Log(LogLevel::kDebug, "authorizer message ignored",
      {{"reason", std::string(reason)}});
}

}  // namespace herald::service
