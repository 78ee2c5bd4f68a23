// SPDX-License-Identifier: Apache-2.0
//
// What backends ask of channels and of the service.
//
// Failure: the codes of broadcast_service.proto; UNAVAILABLE until the start is
// over, and after it was stopped.
//
// Threads: any.

#ifndef HERALD_SERVICE_API_QUERIES_H_
#define HERALD_SERVICE_API_QUERIES_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/v1/broadcast_service.pb.h"
#include "service/api/watches.h"
#include "service/engine/ports.h"
#include "service/link/gateways.h"
#include "service/link/settling.h"

namespace herald::core {

// Counts of the whole service.
struct ServiceCounts {
  int64_t gateways = 0;
  int64_t clients = 0;
  int64_t channels = 0;
  int64_t subscriptions = 0;
  int64_t members = 0;
  int64_t watches = 0;
  int64_t histories = 0;
  int64_t history_bytes = 0;
};

class Queries {
 public:
  // The pointers outlive the object. `version`: of the release.
  Queries(const Ports& ports, std::string version, const Gateways* gateways,
          const Watches* watches, const Settling* settling)
      : table_(ports.table),
        engine_(ports.engine),
        timers_(ports.timers),
        readiness_(ports.readiness),
        version_(std::move(version)),
        gateways_(gateways),
        watches_(watches),
        settling_(settling) {}

  absl::StatusOr<v1::GetMembersResponse> GetMembers(
      const v1::GetMembersRequest& request);
  absl::StatusOr<v1::GetChannelResponse> GetChannel(
      const v1::GetChannelRequest& request);
  absl::StatusOr<v1::ListChannelsResponse> ListChannels(
      const v1::ListChannelsRequest& request);
  absl::StatusOr<v1::GetStatsResponse> GetStats();
  absl::StatusOr<v1::GetHistoryResponse> GetHistory(
      const v1::GetHistoryRequest& request);

  // What metrics show; at any time, not only while the service is ready.
  ServiceCounts Counts() const;
  // Whether the start is over and the service was not stopped.
  bool ready() const { return readiness_->ready(); }

 private:
  v1::Channel Describe(absl::string_view channel);

  ChannelTable* const table_;
  Engine* const engine_;
  Timers* const timers_;
  const Readiness* const readiness_;
  const std::string version_;
  const Gateways* const gateways_;
  const Watches* const watches_;
  const Settling* const settling_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_API_QUERIES_H_
