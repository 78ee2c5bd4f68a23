// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/streams/gateway_reactor.h"

#include <string>
#include <utility>

#include "google/protobuf/unknown_field_set.h"
#include "proto/contract/limits.h"
#include "proto/http/peer.h"
#include "proto/log/log.h"
#include "proto/process/gateway_identity.h"

namespace herald::rpc {
namespace {

// A frame message that was larger keeps no memory for the next one. An item may
// have 2 bytes on the link and keep 60, and an unknown field keeps 16.
constexpr size_t kKeptFrameBytesMax = 64 << 10;
constexpr int kKeptItemsMax = 256;

bool HasHeldMuch(const link::v1::AttachRequest& frame, size_t bytes) {
  return bytes > kKeptFrameBytesMax || frame.items_size() > kKeptItemsMax ||
         !frame.GetReflection()->GetUnknownFields(frame).empty();
}

}  // namespace

SinkOptions GatewayReactor::WithBounds(SinkOptions options) {
  options.outbox_bytes_max = contract::kLinkOutboxBytesMax;
  // As much as a gateway may report as held.
  options.state_bytes_max = contract::kLinkHeldBytesMax;
  options.frame_bytes_max = contract::kLinkFrameBytes;
  options.overflow =
      "the gateway reads too slowly: 16 MiB of events and answers, 32 MiB of "
      "member changes or 512 MiB of rosters and history wait for it";
  return options;
}

GatewayReactor::GatewayReactor(grpc::CallbackServerContext* context,
                               core::Links* links, const SinkOptions& options,
                               StreamCounters* counters, RpcCounters* rpcs,
                               process::LogPause* refusals,
                               StreamLimit::Slot slot)
    : SinkReactor(context, WithBounds(options), counters),
      links_(links),
      rpcs_(rpcs),
      refusals_(refusals),
      account_(options.account),
      peer_(context->peer()),
      slot_(std::move(slot)) {
  Add(this->counters()->open, 1);
}

GatewayReactor* GatewayReactor::Start(
    grpc::CallbackServerContext* context, core::Links* links,
    const SinkOptions& options, StreamCounters* counters, RpcCounters* rpcs,
    process::LogPause* refusals, StreamLimit::Slot slot) {
  SinkOptions of_link = options;
  of_link.account =
      links->OpenAccount(process::ParsePeer(context->peer()).source());
  auto* const reactor = new GatewayReactor(context, links, of_link, counters,
                                           rpcs, refusals, std::move(slot));
  const std::shared_ptr<GatewayReactor> self(reactor);
  of_link.account->SetSink(self);
  reactor->Own(self);
  reactor->awaiting_ = links->AwaitHello(self);
  // A frame without items.
  reactor->StartKeepalive(std::make_shared<const std::string>(),
                          options.keepalive_interval);
  ListenIn(options, self);
  reactor->StartRead(&reactor->reading_);
  return reactor;
}

void GatewayReactor::ListenIn(const SinkOptions& options,
                              std::weak_ptr<GatewayReactor> weak) {
  if (options.keepalive_interval <= absl::ZeroDuration()) return;
  const auto listen = [options, weak = std::move(weak)] {
    const std::shared_ptr<GatewayReactor> reactor = weak.lock();
    if (reactor == nullptr || reactor->is_closing()) return;
    if (reactor->silence_.Tick()) {
      return reactor->Abort(absl::UnavailableError("the gateway is silent"));
    }
    ListenIn(options, weak);
  };
  options.timers->After(options.keepalive_interval, listen);
}

void GatewayReactor::OnReadDone(bool ok) {
  if (!ok) return EndReading(absl::OkStatus());  // It has disconnected.
  Add(counters()->frames_received, 1);
  Add(counters()->bytes_received, static_cast<int64_t>(reading_.Length()));
  silence_.Heard(/*is_keepalive=*/reading_.Length() == 0);
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
      const absl::Status status = TakeHello(item.hello());
      if (!status.ok()) return status;
      continue;
    }
    const absl::Status status = links_->Handle(attachment_, std::move(item));
    if (!status.ok()) return status;
  }
  if (HasHeldMuch(frame_, reading_.Length())) {
    frame_ = link::v1::AttachRequest();
  }
  return absl::OkStatus();
}

absl::Status GatewayReactor::TakeHello(const link::v1::Hello& hello) {
  const bool proves = !hello.secret().empty();
  if (proves && process::GatewayIdOf(hello.secret()) !=
                    static_cast<uint64_t>(hello.gateway_id())) {
    return absl::PermissionDeniedError(
        "hello.secret is not that of hello.gateway_id");
  }
  absl::StatusOr<core::AttachmentPtr> opened =
      links_->Open(hello, self(), proves, account_);
  if (!opened.ok()) return opened.status();
  attachment_ = *std::move(opened);
  awaiting_ = nullptr;
  return absl::OkStatus();
}

void GatewayReactor::LogRefusal(absl::string_view why) {
  const std::optional<int64_t> unlogged = refusals_->Pass();
  if (!unlogged.has_value()) return;
  process::Log(
      process::LogLevel::kWarning, "link refused",
      {{"peer", peer_}, {"why", std::string(why)}, {"not_logged", *unlogged}});
}

void GatewayReactor::EndReading(absl::Status why) {
  if (!why.ok() && !absl::IsUnavailable(why) && !absl::IsAborted(why)) {
    LogRefusal(why.message());
  }
  // The attachment shares this reactor as its sink, so release it.
  if (const core::AttachmentPtr gateway = std::move(attachment_)) {
    if (why.ok()) why = closing();
    links_->Close(gateway,
                  why.ok() ? "the gateway has disconnected" : why.message());
  }
  Close(std::move(why));
}

void GatewayReactor::OnEnded(grpc::StatusCode code) {
  // The core may share the reactor for longer, but the stream is gone.
  slot_ = nullptr;
  Add(counters()->open, -1);
  rpcs_->OnEnded(Method::kAttach, code);
}

}  // namespace herald::rpc
