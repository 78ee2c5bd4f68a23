// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/broadcast_service.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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

absl::Status NotA(const google::protobuf::Message& message) {
  return absl::InvalidArgumentError(
      absl::StrCat("the message is not a ", message.GetDescriptor()->name()));
}

// Adapts `done` to a hub's answer that is a status only.
template <typename Response, typename Done>
core::Hub::CallDone WithoutAnswer(Done done) {
  return [done = std::move(done)](const absl::Status& status) mutable {
    if (!status.ok()) return done(status);
    done(Response());
  };
}

}  // namespace

template <typename Request, typename Response, typename Ask>
grpc::ServerUnaryReactor* BroadcastService::Serve(Context* context,
                                                  Method method,
                                                  const Bytes* request,
                                                  Bytes* response,
                                                  const Ask& ask) {
  UnaryReactor* const reactor = context->DefaultReactor();
  auto done = [this, reactor, method,
               response](absl::StatusOr<Response> answer) {
    if (answer.ok()) {
      Bytes bytes = EncodeMessage(*answer);
      response->Swap(&bytes);
    }
    rpcs_->OnEnded(method,
                   static_cast<grpc::StatusCode>(answer.status().code()));
    reactor->Finish(contract::ToGrpcStatus(answer.status()));
  };
  const absl::Status allowed = tokens_->Check(*context);
  Request parsed;
  if (!allowed.ok()) {
    done(allowed);
  } else if (!DecodeMessage(*request, &parsed)) {
    done(NotA(parsed));
  } else {
    ask(parsed, std::move(done));
  }
  return reactor;
}

grpc::ServerUnaryReactor* BroadcastService::Broadcast(Context* context,
                                                      const Bytes* request,
                                                      Bytes* response) {
  return Serve<v1::BroadcastRequest, v1::BroadcastResponse>(
      context, Method::kBroadcast, request, response,
      [this](const auto& parsed, auto done) {
        hub_->Broadcast(parsed, std::move(done));
      });
}

grpc::ServerUnaryReactor* BroadcastService::Disconnect(Context* context,
                                                       const Bytes* request,
                                                       Bytes* response) {
  return Serve<v1::DisconnectRequest, v1::DisconnectResponse>(
      context, Method::kDisconnect, request, response,
      [this](const auto& parsed, auto done) {
        hub_->Disconnect(parsed, std::move(done));
      });
}

grpc::ServerUnaryReactor* BroadcastService::Subscribe(Context* context,
                                                      const Bytes* request,
                                                      Bytes* response) {
  return Serve<v1::SubscribeRequest, v1::SubscribeResponse>(
      context, Method::kSubscribe, request, response,
      [this](const auto& parsed, auto done) {
        hub_->Subscribe(parsed,
                        WithoutAnswer<v1::SubscribeResponse>(std::move(done)));
      });
}

grpc::ServerUnaryReactor* BroadcastService::Unsubscribe(Context* context,
                                                        const Bytes* request,
                                                        Bytes* response) {
  return Serve<v1::UnsubscribeRequest, v1::UnsubscribeResponse>(
      context, Method::kUnsubscribe, request, response,
      [this](const auto& parsed, auto done) {
        hub_->Unsubscribe(
            parsed, WithoutAnswer<v1::UnsubscribeResponse>(std::move(done)));
      });
}

grpc::ServerUnaryReactor* BroadcastService::GetMembers(Context* context,
                                                       const Bytes* request,
                                                       Bytes* response) {
  return Serve<v1::GetMembersRequest, v1::GetMembersResponse>(
      context, Method::kGetMembers, request, response,
      [this](const auto& parsed, auto done) {
        done(hub_->GetMembers(parsed));
      });
}

grpc::ServerUnaryReactor* BroadcastService::GetChannel(Context* context,
                                                       const Bytes* request,
                                                       Bytes* response) {
  return Serve<v1::GetChannelRequest, v1::GetChannelResponse>(
      context, Method::kGetChannel, request, response,
      [this](const auto& parsed, auto done) {
        done(hub_->GetChannel(parsed));
      });
}

grpc::ServerUnaryReactor* BroadcastService::ListChannels(Context* context,
                                                         const Bytes* request,
                                                         Bytes* response) {
  return Serve<v1::ListChannelsRequest, v1::ListChannelsResponse>(
      context, Method::kListChannels, request, response,
      [this](const auto& parsed, auto done) {
        done(hub_->ListChannels(parsed));
      });
}

grpc::ServerUnaryReactor* BroadcastService::GetStats(Context* context,
                                                     const Bytes* request,
                                                     Bytes* response) {
  return Serve<v1::GetStatsRequest, v1::GetStatsResponse>(
      context, Method::kGetStats, request, response,
      [this](const auto& /*parsed*/, auto done) { done(hub_->GetStats()); });
}

grpc::ServerUnaryReactor* BroadcastService::GetHistory(Context* context,
                                                       const Bytes* request,
                                                       Bytes* response) {
  return Serve<v1::GetHistoryRequest, v1::GetHistoryResponse>(
      context, Method::kGetHistory, request, response,
      [this](const auto& parsed, auto done) {
        done(hub_->GetHistory(parsed));
      });
}

BidiReactor* BroadcastService::BroadcastStream(Context* context) {
  absl::Status allowed = tokens_->Check(*context);
  std::shared_ptr<BroadcastStreamReactor> stream;
  if (allowed.ok()) {
    stream = BroadcastStreamReactor::Create(
        hub_, pacer_, &rpcs_->streams_paused,
        [this](BroadcastStreamReactor* self, grpc::StatusCode code) {
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

WriteReactor* BroadcastService::Watch(Context* context, const Bytes* request) {
  absl::Status status = tokens_->Check(*context);
  v1::WatchRequest parsed;
  if (status.ok() && !DecodeMessage(*request, &parsed)) {
    status = NotA(parsed);
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
