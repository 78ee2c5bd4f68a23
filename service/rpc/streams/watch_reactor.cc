// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/streams/watch_reactor.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/duration.pb.h"
#include "proto/contract/limits.h"
#include "service/rpc/streams/frames.h"

namespace herald::rpc {
namespace {

// The bytes that may wait for all Watches together when one more begins with
// much. A Watch that begins with little is accepted even beyond that.
constexpr int64_t kAllWatchesBytesMax = 512 << 20;

// Twice the bytes that a Watch may begin with: a roster is sent again when
// rules change.
constexpr int64_t kStateBytesMax =
    2 * (core::kWatchRostersBytesMax + core::kWatchMissedBytesMax);

SinkOptions OptionsOf(core::Timers* timers) {
  return {
      .outbox_bytes_max = contract::kWatchOutboxBytesMax,
      .state_bytes_max = kStateBytesMax,
      .frame_bytes_max = 0,
      .overflow =
          "the caller reads too slowly: 1 MiB of events, 32 MiB of member "
          "changes or 160 MiB of rosters wait for it",
      .timers = timers,
  };
}

absl::Duration IntervalOf(const v1::WatchRequest& request) {
  const google::protobuf::Duration& interval = request.keepalive_interval();
  return absl::Seconds(interval.seconds()) +
         absl::Nanoseconds(interval.nanos());
}

core::Chunk Keepalive() {
  v1::WatchResponse response;
  response.mutable_keepalive();
  return std::make_shared<const std::string>(response.SerializeAsString());
}

}  // namespace

WatchReactor::WatchReactor(grpc::CallbackServerContext* context,
                           core::Watches* watches, core::Timers* timers,
                           WaitingCalls* waiting, StreamLimit* limit,
                           StreamCounters* counters, RpcCounters* rpcs)
    : SinkReactor(context, OptionsOf(timers), counters),
      watches_(watches),
      waiting_(waiting),
      rpcs_(rpcs),
      slot_(limit->Take(context->peer())) {}

WatchReactor* WatchReactor::Start(grpc::CallbackServerContext* context,
                                  core::Watches* watches, core::Timers* timers,
                                  WaitingCalls* waiting, StreamLimit* limit,
                                  StreamCounters* counters, RpcCounters* rpcs) {
  auto* const reactor = new WatchReactor(context, watches, timers, waiting,
                                         limit, counters, rpcs);
  const std::shared_ptr<SinkReactor> self(reactor);
  reactor->Own(self);
  waiting->Add(&reactor->entry_, context);
  reactor->StartRead(&reactor->reading_);
  return reactor;
}

void WatchReactor::OnReadDone(bool ok) {
  waiting_->Remove(&entry_);
  if (!slot_.ok()) return Close(slot_.status());
  if (!ok) return Close(absl::InvalidArgumentError("there is no request"));
  if (!DecodeMessage(reading_, &request_)) {
    return Close(
        absl::InvalidArgumentError("the message is not a WatchRequest"));
  }
  reading_.Clear();
  watching_ = self();
  const absl::Status status = watches_->Watch(request_, watching_);
  if (!status.ok()) {
    watching_ = nullptr;
    return Close(status);
  }
  if (queue_bytes() > contract::kWatchOutboxBytesMax &&
      counters()->queue_bytes > kAllWatchesBytesMax) {
    // UNAVAILABLE: the condition passes, so clients retry by themselves.
    return Close(absl::UnavailableError(
        absl::StrCat("Watches that read slowly have more than ",
                     kAllWatchesBytesMax, " bytes waiting")));
  }
  Flush();
  StartKeepalive(Keepalive(), IntervalOf(request_));
}

void WatchReactor::OnEnded(grpc::StatusCode code) {
  if (watching_ != nullptr) {
    watches_->Unwatch(request_, std::exchange(watching_, nullptr));
  }
  rpcs_->OnEnded(Method::kWatch, code);
}

}  // namespace herald::rpc
