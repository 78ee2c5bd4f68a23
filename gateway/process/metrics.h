// SPDX-License-Identifier: Apache-2.0
//
// The gateway's counters and gauges, for /metrics.
//
// All loops share these counters, so deliveries are counted once per
// publication and loop, never per socket.
//
// Threads: any.

#ifndef HERALD_GATEWAY_PROCESS_METRICS_H_
#define HERALD_GATEWAY_PROCESS_METRICS_H_

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/net/net_observer.h"
#include "proto/contract/mutex.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace herald::gateway {

class GatewayMetrics : public NetObserver {
 public:
  // Values that are read at each scrape.
  struct Readings {
    int64_t queue_bytes = 0;  // Of all sockets.
    int64_t inbox_bytes = 0;  // Of all loops.
    int64_t half_open_count = 0;
    int64_t unfinished_bytes = 0;
    bool link_up = false;
    bool link_settled = false;
    int64_t link_queue_bytes = 0;
    int64_t link_pauses = 0;        // Since the start.
    int64_t log_lines_dropped = 0;  // Since the start.
  };

  explicit GatewayMetrics(absl::string_view version);
  ~GatewayMetrics() override;
  GatewayMetrics(const GatewayMetrics&) = delete;
  GatewayMetrics& operator=(const GatewayMetrics&) = delete;

  // Prometheus text (version 0.0.4).
  std::string Text(const Readings& readings);

  // NetObserver:
  void OnOpened() override;
  void OnClosed(contract::CloseReason why) override;
  void OnSubscriptions(int64_t delta) override;
  void OnSubscribeRefused(absl::string_view code) override;
  void OnRecovery(bool recovered) override;
  void OnGap() override;
  void OnDelivered(int64_t sockets, int64_t frame_bytes,
                   absl::Duration since_publish) override;
  void OnSlow(int64_t bytes) override;
  void OnDropped(int64_t events) override;
  void OnMessage(int64_t bytes) override;
  void OnBadMessage() override;
  void OnWhisper() override;
  void OnWhisperRefused() override;
  void OnLinkEnded(absl::string_view why) override;
  void OnLinkLag(absl::Duration lag) override;
  void OnWhisperDropped(int64_t readers) override;
  void OnReadingPaused() override;
  void OnRateLimited(RateLimit which) override;
  void OnGrantAsked() override;
  void OnGrantPostponed() override;
  void OnGrantEnded() override;
  void OnUpgradeRefused(UpgradeRefusal why, absl::string_view detail) override;
  void OnWebsocketEnded(contract::CloseReason why) override;
  void OnHalfOpenCut() override;
  void OnAcceptError() override;

 private:
  struct Instruments;

  const std::unique_ptr<prometheus::Registry> registry_;
  const std::unique_ptr<const Instruments> all_;
  contract::Mutex mu_;  // Serializes the additions in Text().
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROCESS_METRICS_H_
