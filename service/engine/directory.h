// SPDX-License-Identifier: Apache-2.0
//
// Port: queries of backends over the whole cluster.
//
// Threads: any. REQUIRES: no lock of the core is held; nor is it when `done` is
// called, inside the call or later. Errors of all calls: UNAVAILABLE.
//
// tests/contract/engine_directory_suite.h is the specification.

#ifndef HERALD_SERVICE_ENGINE_DIRECTORY_H_
#define HERALD_SERVICE_ENGINE_DIRECTORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/v1/broadcast_service.pb.h"
#include "service/channel/position.h"

namespace herald::core {

// Bounds on a page: members, and bytes on the wire. A single member may have
// more bytes.
struct PageSize {
  int64_t count_max = 0;
  int64_t bytes_max = 0;
};

struct MembersPage {
  std::vector<v1::PresentMember> members;
  bool more = false;  // Others follow.
};

// One channel as it is now.
struct ChannelState {
  std::string name;
  int64_t subscriber_count = 0;
  int64_t member_count = 0;
  std::optional<Position> position;  // Empty: it has no history.
};

struct ChannelsPage {
  std::vector<ChannelState> channels;
  bool more = false;
};

// Of all nodes.
struct Totals {
  int64_t channels = 0;
  int64_t subscriptions = 0;
};

// Of this node, for metrics.
struct EngineCounts {
  int64_t members = 0;  // Users present, summed over all channels.
  int64_t histories = 0;
  int64_t history_bytes = 0;
};

class Directory {
 public:
  virtual ~Directory() = default;

  template <typename Answer>
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>)>;

  virtual void Describe(absl::string_view channel, Done<ChannelState> done) = 0;

  // The channel's members whose user id is greater than `after`, in that order:
  // as many as `size` allows.
  virtual void ListMembers(absl::string_view channel, absl::string_view after,
                           const PageSize& size, Done<MembersPage> done) = 0;

  // The channels with subscriptions whose names begin with `prefix` and are
  // greater than `after`, in the order of names.
  virtual void ListChannels(absl::string_view prefix, absl::string_view after,
                            size_t count_max, Done<ChannelsPage> done) = 0;

  virtual void Sum(Done<Totals> done) = 0;

  // Answers at once.
  virtual EngineCounts Counts() const = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_DIRECTORY_H_
