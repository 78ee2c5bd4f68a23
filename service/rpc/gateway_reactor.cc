// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gateway_reactor.h"

#include <string>

#include "proto/contract/limits.h"

namespace herald::rpc {
namespace {

// A frame message that has held more keeps no memory for the next one.
constexpr size_t kKeptBytesMax = 64 << 10;

SinkOptions OptionsWith(Pacer* pacer) {
  return {
      .outbox_bytes_max = contract::kLinkOutboxBytesMax,
      .frame_bytes_max = contract::kLinkFrameBytes,
      .overflow = "the gateway reads too slowly: 16 MiB wait for it",
      .pacer = pacer,
  };
}

}  // namespace

GatewayReactor::GatewayReactor(grpc::CallbackServerContext* context,
                               core::Hub* hub, Pacer* pacer,
                               StreamCounters* counters, RpcCounters* rpcs)
    : SinkReactor(context, OptionsWith(pacer), counters),
      hub_(hub),
      rpcs_(rpcs) {}

GatewayReactor* GatewayReactor::Start(grpc::CallbackServerContext* context,
                                      core::Hub* hub, Pacer* pacer,
                                      StreamCounters* counters,
                                      RpcCounters* rpcs) {
  auto* const reactor = new GatewayReactor(context, hub, pacer, counters, rpcs);
  reactor->Own(std::shared_ptr<SinkReactor>(reactor));
  reactor->awaiting_ = hub->AwaitHello(reactor->self());
  reactor->StartRead(&reactor->reading_);
  return reactor;
}

void GatewayReactor::OnReadDone(bool ok) {
  if (!ok) return EndReading(absl::OkStatus());  // The gateway has left.
  Add(counters()->frames_received, 1);
  Add(counters()->bytes_received, static_cast<int64_t>(reading_.Length()));
  const absl::Status status = HandleFrame();
  if (!status.ok()) return EndReading(status);
  StartRead(&reading_);
}

absl::Status GatewayReactor::HandleFrame() {
  if (!DecodeMessage(reading_, &frame_)) {
    return absl::InvalidArgumentError("a frame is not an AttachRequest");
  }
  for (link::v1::GatewayItem& item : *frame_.mutable_items()) {
    if (attachment_ == nullptr) {
      if (!item.has_hello()) {
        return absl::FailedPreconditionError("the first item was not hello");
      }
      absl::StatusOr<core::AttachmentPtr> opened =
          hub_->Open(item.hello(), self());
      if (!opened.ok()) return opened.status();
      attachment_ = *std::move(opened);
      awaiting_ = nullptr;
      continue;
    }
    const absl::Status status = hub_->Handle(attachment_, std::move(item));
    if (!status.ok()) return status;
  }
  if (reading_.Length() > kKeptBytesMax) frame_ = link::v1::AttachRequest();
  return absl::OkStatus();
}

void GatewayReactor::EndReading(absl::Status why) {
  // The attachment shares this reactor as its sink: let go of it.
  if (const core::AttachmentPtr gateway = std::move(attachment_)) {
    if (why.ok()) why = closing();
    hub_->Close(gateway, why.ok() ? "the gateway has left" : why.message());
  }
  Close(std::move(why));
}

void GatewayReactor::OnEnded(grpc::StatusCode code) {
  rpcs_->OnEnded(Method::kAttach, code);
}

}  // namespace herald::rpc
