// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/watch_reactor.h"

#include "proto/contract/limits.h"

namespace herald::rpc {
namespace {

constexpr SinkOptions kOptions = {
    .outbox_bytes_max = contract::kWatchOutboxBytesMax,
    .frame_bytes_max = 0,
    .overflow = "the caller reads too slowly: 1 MiB waits for it",
    .pacer = nullptr,
};

}  // namespace

WatchReactor::WatchReactor(grpc::CallbackServerContext* context,
                           v1::WatchRequest request, core::Hub* hub,
                           StreamCounters* counters, RpcCounters* rpcs)
    : SinkReactor(context, kOptions, counters),
      request_(std::move(request)),
      hub_(hub),
      rpcs_(rpcs) {}

WatchReactor* WatchReactor::Start(grpc::CallbackServerContext* context,
                                  v1::WatchRequest request, core::Hub* hub,
                                  StreamCounters* counters, RpcCounters* rpcs) {
  auto* const reactor =
      new WatchReactor(context, std::move(request), hub, counters, rpcs);
  const std::shared_ptr<SinkReactor> self(reactor);
  reactor->Own(self);
  reactor->watching_ = self;
  const absl::Status status = hub->Watch(reactor->request_, self);
  if (status.ok()) {
    reactor->Flush();
  } else {
    reactor->watching_ = nullptr;
    reactor->Close(status);
  }
  return reactor;
}

void WatchReactor::OnEnded(grpc::StatusCode code) {
  if (watching_ != nullptr) {
    hub_->Unwatch(request_, std::exchange(watching_, nullptr));
  }
  rpcs_->OnEnded(Method::kWatch, code);
}

}  // namespace herald::rpc
