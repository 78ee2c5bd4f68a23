// SPDX-License-Identifier: Apache-2.0
//
// Queries of backends about channels, members and the service.
//
// Failure: the codes of broadcast_service.proto; UNAVAILABLE until the start is
// over, and after it was stopped.
//
// Threads: any. `done` is called without a lock of the core.

#ifndef HERALD_SERVICE_API_QUERIES_H_
#define HERALD_SERVICE_API_QUERIES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/v1/broadcast_service.pb.h"
#include "service/api/watches.h"
#include "service/engine/ports.h"
#include "service/gateways/gateways.h"
#include "service/gateways/link_bytes.h"
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
  int64_t link_bytes = 0;
};

class Queries {
 public:
  // The pointers outlive the object. `version`: of the release.
  Queries(const Ports& ports, std::string version, const Gateways* gateways,
          const LinkBytes* link_bytes, const Watches* watches,
          const Settling* settling)
      : table_(ports.table),
        log_(ports.log),
        directory_(ports.directory),
        bus_(ports.bus),
        timers_(ports.timers),
        readiness_(ports.readiness),
        version_(std::move(version)),
        gateways_(gateways),
        link_bytes_(link_bytes),
        watches_(watches),
        settling_(settling) {}

  template <typename Response>
  using Done = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  void GetMembers(const v1::GetMembersRequest& request,
                  Done<v1::GetMembersResponse> done);
  void GetChannel(const v1::GetChannelRequest& request,
                  Done<v1::GetChannelResponse> done);
  void ListChannels(const v1::ListChannelsRequest& request,
                    Done<v1::ListChannelsResponse> done);
  void GetStats(Done<v1::GetStatsResponse> done);
  void GetHistory(const v1::GetHistoryRequest& request,
                  Done<v1::GetHistoryResponse> done);

  // Counts for metrics. May be called at any time, also before the service is
  // ready.
  ServiceCounts Counts() const;
  // Whether the service answers backends.
  bool ready() const { return readiness_->ready(); }

 private:
  // OK if the rules give the channel members.
  absl::Status CheckHasMembers(absl::string_view channel);
  // The answer of GetStats(). Its version and start time are this node's.
  v1::GetStatsResponse StatsOf(const Totals& totals,
                               const std::vector<OtherNode>& nodes) const;

  ChannelTable* const table_;
  ChannelLog* const log_;
  Directory* const directory_;
  NodeBus* const bus_;
  Timers* const timers_;
  const Readiness* const readiness_;
  const std::string version_;
  const Gateways* const gateways_;
  const LinkBytes* const link_bytes_;
  const Watches* const watches_;
  const Settling* const settling_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_API_QUERIES_H_
