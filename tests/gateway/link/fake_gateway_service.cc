// SPDX-License-Identifier: Apache-2.0

#include "tests/gateway/link/fake_gateway_service.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "tests/support/deadline.h"

namespace herald::gateway {

using link::v1::AttachRequest;
using link::v1::AttachResponse;
using link::v1::GatewayItem;

void FakeGatewayService::StartServer(int port) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port),
                           grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
  ASSERT_GT(port_, 0);
}

void FakeGatewayService::StopServer() {
  if (server_ == nullptr) return;
  EndLinks();
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_ = nullptr;
}

std::string FakeGatewayService::target() const {
  return "127.0.0.1:" + std::to_string(port_);
}

void FakeGatewayService::SetManner(Manner manner) {
  std::lock_guard<std::mutex> lock(mu_);
  manner_ = manner;
}

void FakeGatewayService::SetCluster(bool cluster) {
  std::lock_guard<std::mutex> lock(mu_);
  cluster_ = cluster;
}

void FakeGatewayService::EndLinks() {
  std::lock_guard<std::mutex> lock(mu_);
  for (grpc::ServerContext* context : open_) context->TryCancel();
}

bool FakeGatewayService::WaitFor(
    const std::function<bool(const Attaches&)>& happened) {
  std::unique_lock<std::mutex> lock(mu_);
  return changed_.wait_for(lock, testing_support::kPatience,
                           [&] { return happened(attaches_); });
}

bool FakeGatewayService::WaitForItem(size_t number,
                                     GatewayItem::ItemCase kind) {
  return WaitFor([&](const Attaches& all) {
    if (all.size() <= number) return false;
    const std::vector<GatewayItem>& items = all[number].items;
    return std::any_of(items.begin(), items.end(), [&](const auto& item) {
      return item.item_case() == kind;
    });
  });
}

FakeGatewayService::Attaches FakeGatewayService::attaches() {
  std::lock_guard<std::mutex> lock(mu_);
  return attaches_;
}

grpc::Status FakeGatewayService::Attach(grpc::ServerContext* context,
                                        Stream* stream) {
  size_t number = 0;
  {
    std::lock_guard<std::mutex> lock(mu_);
    number = attaches_.size();
    attaches_.emplace_back();
    const auto token = context->client_metadata().find("authorization");
    if (token != context->client_metadata().end()) {
      attaches_.back().authorization = {token->second.data(),
                                        token->second.size()};
    }
    open_.push_back(context);
  }
  changed_.notify_all();
  grpc::Status status = Serve(context, stream, number);
  {
    std::lock_guard<std::mutex> lock(mu_);
    open_.erase(std::find(open_.begin(), open_.end(), context));
    attaches_[number].half_closed = !context->IsCancelled();
    attaches_[number].ended = true;
  }
  changed_.notify_all();
  return status;
}

grpc::Status FakeGatewayService::Serve(grpc::ServerContext* context,
                                       Stream* stream, size_t number) {
  Manner manner;
  {
    std::lock_guard<std::mutex> lock(mu_);
    manner = manner_;
  }
  if (manner == Manner::kRefuse) {
    return {grpc::StatusCode::UNAUTHENTICATED, "the token is not known"};
  }
  AttachRequest frame;
  bool echoed = false;
  while (stream->Read(&frame)) {
    const AttachResponse answers = Note(number, frame);
    changed_.notify_all();
    if (manner == Manner::kEcho && frame.items().empty() && !echoed) {
      echoed = stream->Write(AttachResponse());
    }
    if (manner == Manner::kIgnore || answers.items().empty()) continue;
    stream->Write(answers);
    if (manner == Manner::kFlood &&
        answers.items().rbegin()->has_subscribed()) {
      Flood(frame.items().rbegin()->subscribe().channel(), stream);
    }
    if (manner == Manner::kStall && answers.items().rbegin()->has_settled()) {
      // A handler that does not read is not notified of the end.
      testing_support::WaitUntil([&] { return context->IsCancelled(); });
      break;
    }
  }
  return grpc::Status::OK;
}

void FakeGatewayService::Flood(const std::string& channel, Stream* stream) {
  for (int i = 0; i < kFloodFrames; ++i) {
    AttachResponse frame;
    auto& publication = *frame.add_items()->mutable_publication();
    publication.set_channel(channel);
    publication.set_event("e");
    publication.set_data(std::to_string(i));
    publication.set_published_us(
        absl::ToUnixMicros(absl::Now() - absl::Seconds(10)));
    if (!stream->Write(frame)) return;
  }
}

AttachResponse FakeGatewayService::Note(size_t number,
                                        const AttachRequest& frame) {
  AttachResponse answers;
  std::lock_guard<std::mutex> lock(mu_);
  struct Attach& attach = attaches_[number];
  ++attach.frame_count;
  if (frame.items().empty()) ++attach.empty_count;
  attach.frame_bytes_max = std::max(attach.frame_bytes_max,
                                    static_cast<int64_t>(frame.ByteSizeLong()));
  for (const GatewayItem& item : frame.items()) {
    attach.items.push_back(item);
    if (item.has_hello()) {
      answers.add_items()->mutable_settings()->set_cluster(cluster_);
    }
    if (item.has_attached()) answers.add_items()->mutable_settled();
    if (item.has_subscribe()) {
      answers.add_items()->mutable_subscribed()->set_ticket(
          item.subscribe().ticket());
    }
  }
  return answers;
}

}  // namespace herald::gateway
