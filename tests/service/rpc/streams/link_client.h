// SPDX-License-Identifier: Apache-2.0
//
// The gateway's end of a link, over a real stream.

#ifndef HERALD_TESTS_SERVICE_RPC_STREAMS_LINK_CLIENT_H_
#define HERALD_TESTS_SERVICE_RPC_STREAMS_LINK_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "tests/service/rpc/loopback.h"
#include "tests/support/channel_from.h"

namespace herald::rpc {

using link::v1::GatewayItem;
using link::v1::ServiceItem;
using testing_support::ChannelFrom;

// A gateway without sockets.
class FakeGateway {
 public:
  explicit FakeGateway(Loopback& world, int64_t id = 7)
      : FakeGateway(world.channel(), id) {}
  explicit FakeGateway(const std::shared_ptr<grpc::Channel>& channel,
                       int64_t id = 7)
      : id_(id),
        stub_(link::v1::GatewayService::NewStub(channel)),
        stream_(stub_->Attach(&context_)) {}

  ~FakeGateway() { context_.TryCancel(); }

  bool Send(std::vector<GatewayItem> items) {
    link::v1::AttachRequest frame;
    for (GatewayItem& item : items) *frame.add_items() = std::move(item);
    return stream_->Write(frame);
  }

  GatewayItem Hello() const {
    GatewayItem item;
    item.mutable_hello()->set_protocol_version(1);
    item.mutable_hello()->set_gateway_id(id_);
    return item;
  }

  static GatewayItem Attached() {
    GatewayItem item;
    item.mutable_attached();
    return item;
  }

  static GatewayItem Subscribe(int64_t ticket, const std::string& channel) {
    GatewayItem item;
    item.mutable_subscribe()->set_ticket(ticket);
    item.mutable_subscribe()->set_socket_id(absl::StrCat("7.", ticket));
    item.mutable_subscribe()->set_channel(channel);
    return item;
  }

  // One user for each of `infos`.
  static GatewayItem Held(const std::string& channel,
                          const std::vector<std::string>& infos,
                          int64_t id = 7) {
    GatewayItem item;
    item.mutable_held()->set_channel(channel);
    item.mutable_held()->set_subscription_count(1);
    for (const std::string& info : infos) {
      auto& member = *item.mutable_held()->add_members();
      const int number = item.held().members_size();
      member.mutable_member()->set_user_id(absl::StrCat(number));
      member.mutable_member()->set_user_info(info);
      member.add_socket_ids(absl::StrCat(id, ".", number));
    }
    return item;
  }

  // Attaches and subscribes to `channel` under ticket 1; false if that fails.
  bool AttachAndSubscribe(const std::string& channel) {
    return Send({Hello(), Attached(), Subscribe(1, channel)}) &&
           Next(ServiceItem::kSubscribed).has_value();
  }

  // The next frame, or nothing if the stream has ended.
  std::optional<link::v1::AttachResponse> Read() {
    link::v1::AttachResponse frame;
    if (!stream_->Read(&frame)) return std::nullopt;
    return frame;
  }

  // The next item of a kind, passing over others.
  std::optional<ServiceItem> Next(ServiceItem::ItemCase kind) {
    for (;;) {
      while (!items_.empty()) {
        const ServiceItem item = items_.front();
        items_.erase(items_.begin());
        if (item.item_case() == kind) return item;
      }
      std::optional<link::v1::AttachResponse> frame = Read();
      if (!frame) return std::nullopt;
      items_.assign(frame->items().begin(), frame->items().end());
    }
  }

  void HalfClose() { stream_->WritesDone(); }

  // Reads to the end, and how it ended.
  grpc::Status Finish() {
    while (Read().has_value()) {
    }
    return stream_->Finish();
  }

 private:
  const int64_t id_;
  std::vector<ServiceItem> items_;
  BoundedContext context_;
  std::unique_ptr<link::v1::GatewayService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<link::v1::AttachRequest,
                                           link::v1::AttachResponse>>
      stream_;
};

}  // namespace herald::rpc

#endif  // HERALD_TESTS_SERVICE_RPC_STREAMS_LINK_CLIENT_H_
