// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/broadcast_service.h"

#include <utility>
#include <vector>

#include "proto/contract/grpc_status.h"
#include "service/rpc/frames.h"
#include "service/rpc/refusing_reactor.h"
#include "service/rpc/watch_reactor.h"

namespace herald::rpc {
namespace {

using BidiReactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;
using WriteReactor = grpc::ServerWriteReactor<grpc::ByteBuffer>;

absl::Status Stopping() {
  return absl::UnavailableError("the service is stopping");
}

}  // namespace

void BroadcastService::Finish(UnaryReactor* reactor, Method method,
                              const absl::Status& status) {
  rpcs_->OnEnded(method, static_cast<grpc::StatusCode>(status.code()));
  reactor->Finish(contract::ToGrpcStatus(status));
}

bool BroadcastService::Begin(Context* context, Method method,
                             UnaryReactor** reactor) {
  *reactor = context->DefaultReactor();
  const absl::Status allowed = tokens_->Check(*context);
  if (!allowed.ok()) Finish(*reactor, method, allowed);
  return allowed.ok();
}

template <typename Response, typename Ask>
grpc::ServerUnaryReactor* BroadcastService::Answer(Context* context,
                                                   Method method,
                                                   Response* response,
                                                   const Ask& ask) {
  UnaryReactor* reactor = nullptr;
  if (!Begin(context, method, &reactor)) return reactor;
  absl::StatusOr<Response> answer = ask();
  if (answer.ok()) *response = *std::move(answer);
  Finish(reactor, method, answer.status());
  return reactor;
}

grpc::ServerUnaryReactor* BroadcastService::Broadcast(
    Context* context, const v1::BroadcastRequest* request,
    v1::BroadcastResponse* response) {
  UnaryReactor* reactor = nullptr;
  if (!Begin(context, Method::kBroadcast, &reactor)) return reactor;
  hub_->Broadcast(*request, [this, reactor, response](
                                absl::StatusOr<v1::BroadcastResponse> result) {
    if (result.ok()) *response = *std::move(result);
    Finish(reactor, Method::kBroadcast, result.status());
  });
  return reactor;
}

grpc::ServerUnaryReactor* BroadcastService::Subscribe(
    Context* context, const v1::SubscribeRequest* request,
    v1::SubscribeResponse* /*response*/) {
  UnaryReactor* reactor = nullptr;
  if (!Begin(context, Method::kSubscribe, &reactor)) return reactor;
  hub_->Subscribe(*request, [this, reactor](absl::Status status) {
    Finish(reactor, Method::kSubscribe, status);
  });
  return reactor;
}

grpc::ServerUnaryReactor* BroadcastService::Unsubscribe(
    Context* context, const v1::UnsubscribeRequest* request,
    v1::UnsubscribeResponse* /*response*/) {
  UnaryReactor* reactor = nullptr;
  if (!Begin(context, Method::kUnsubscribe, &reactor)) return reactor;
  hub_->Unsubscribe(*request, [this, reactor](absl::Status status) {
    Finish(reactor, Method::kUnsubscribe, status);
  });
  return reactor;
}

grpc::ServerUnaryReactor* BroadcastService::Disconnect(
    Context* context, const v1::DisconnectRequest* request,
    v1::DisconnectResponse* response) {
  UnaryReactor* reactor = nullptr;
  if (!Begin(context, Method::kDisconnect, &reactor)) return reactor;
  hub_->Disconnect(
      *request,
      [this, reactor, response](absl::StatusOr<v1::DisconnectResponse> result) {
        if (result.ok()) *response = *std::move(result);
        Finish(reactor, Method::kDisconnect, result.status());
      });
  return reactor;
}

grpc::ServerUnaryReactor* BroadcastService::GetMembers(
    Context* context, const v1::GetMembersRequest* request,
    v1::GetMembersResponse* response) {
  return Answer(context, Method::kGetMembers, response,
                [&] { return hub_->GetMembers(*request); });
}

grpc::ServerUnaryReactor* BroadcastService::GetChannel(
    Context* context, const v1::GetChannelRequest* request,
    v1::GetChannelResponse* response) {
  return Answer(context, Method::kGetChannel, response,
                [&] { return hub_->GetChannel(*request); });
}

grpc::ServerUnaryReactor* BroadcastService::ListChannels(
    Context* context, const v1::ListChannelsRequest* request,
    v1::ListChannelsResponse* response) {
  return Answer(context, Method::kListChannels, response,
                [&] { return hub_->ListChannels(*request); });
}

grpc::ServerUnaryReactor* BroadcastService::GetStats(
    Context* context, const v1::GetStatsRequest* /*request*/,
    v1::GetStatsResponse* response) {
  return Answer(context, Method::kGetStats, response,
                [&] { return hub_->GetStats(); });
}

BidiReactor* BroadcastService::BroadcastStream(Context* context) {
  absl::Status allowed = tokens_->Check(*context);
  std::shared_ptr<BroadcastStreamReactor> stream;
  if (allowed.ok()) {
    stream = BroadcastStreamReactor::Create(
        hub_, [this](BroadcastStreamReactor* self, grpc::StatusCode code) {
          Forget(self, code);
        });
    contract::MutexLock lock(&mu_);
    if (stopped_) allowed = Stopping();
    if (allowed.ok()) streams_[stream.get()] = stream;
  }
  if (!allowed.ok()) {
    rpcs_->OnEnded(Method::kBroadcastStream,
                   static_cast<grpc::StatusCode>(allowed.code()));
    return new RefusingReactor<BidiReactor>(allowed);
  }
  stream->Start();
  return stream.get();
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* BroadcastService::Watch(
    Context* context, const grpc::ByteBuffer* request) {
  absl::Status status = tokens_->Check(*context);
  v1::WatchRequest parsed;
  if (status.ok() && !DecodeMessage(*request, &parsed)) {
    status = absl::InvalidArgumentError("the message is not a WatchRequest");
  }
  if (!status.ok()) {
    rpcs_->OnEnded(Method::kWatch,
                   static_cast<grpc::StatusCode>(status.code()));
    return new RefusingReactor<WriteReactor>(status);
  }
  return WatchReactor::Start(context, std::move(parsed), hub_, watches_, rpcs_);
}

void BroadcastService::Forget(BroadcastStreamReactor* stream,
                              grpc::StatusCode code) {
  rpcs_->OnEnded(Method::kBroadcastStream, code);
  contract::MutexLock lock(&mu_);
  streams_.erase(stream);
}

void BroadcastService::Stop() {
  std::vector<std::shared_ptr<BroadcastStreamReactor>> open;
  {
    contract::MutexLock lock(&mu_);
    stopped_ = true;
    for (const auto& [key, stream] : streams_) {
      if (auto alive = stream.lock()) open.push_back(std::move(alive));
    }
  }
  for (const auto& stream : open) stream->Stop(Stopping());
}

}  // namespace herald::rpc
