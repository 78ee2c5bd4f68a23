// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/broadcast_service.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/codegen/server_callback_handlers.h"
#include "grpcpp/impl/rpc_service_method.h"
#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/grpc_status.h"
#include "service/rpc/gate/refusing_reactor.h"
#include "service/rpc/streams/frames.h"
#include "service/rpc/streams/request_reactor.h"
#include "service/rpc/streams/watch_reactor.h"

namespace herald::rpc {
namespace {

using grpc::internal::RpcMethod;
using grpc::internal::RpcServiceMethod;

absl::Status Stopping() {
  return absl::UnavailableError("the service is stopping");
}

absl::Status NotA(const google::protobuf::Message& message) {
  return absl::InvalidArgumentError(
      absl::StrCat("the message is not a ", message.GetDescriptor()->name()));
}

// Adapts `done` to an answer that is a status only.
template <typename Response, typename Done>
core::Commands::Done WithoutAnswer(Done done) {
  return [done = std::move(done)](const absl::Status& status) mutable {
    if (!status.ok()) return done(status);
    done(Response());
  };
}

}  // namespace

template <typename Request, typename Response, typename Ask>
class BroadcastService::UnaryCall final : public RequestReactor {
 public:
  UnaryCall(Context* context, BroadcastService* service, Method method,
            const Ask& ask)
      : RequestReactor(context, service->gate_->waiting()),
        service_(service),
        method_(method),
        ask_(ask) {}

 private:
  void OnRequest(const Bytes& request) override {
    Request parsed;
    if (!DecodeMessage(request, &parsed)) return Done(NotA(parsed));
    ask_(parsed, [this](absl::StatusOr<Response> answer) { Done(answer); });
  }
  void OnBroken() override {
    service_->rpcs_->OnEnded(method_, grpc::StatusCode::CANCELLED);
  }

  void Done(const absl::StatusOr<Response>& answer) {
    service_->rpcs_->OnEnded(
        method_, static_cast<grpc::StatusCode>(answer.status().code()));
    if (answer.ok()) {
      Answer(EncodeMessage(*answer));
    } else {
      Refuse(answer.status());
    }
  }

  BroadcastService* const service_;
  const Method method_;
  const Ask ask_;
};

BroadcastService::BroadcastService(const BackendApi& api, core::Timers* timers,
                                   Pacer* pacer, CallGate* gate,
                                   StreamCounters* watches, RpcCounters* rpcs)
    : api_(api),
      timers_(timers),
      pacer_(pacer),
      gate_(gate),
      watches_(watches),
      rpcs_(rpcs) {
  AddBroadcast();
  AddCommands();
  AddQueries();
  AddStream("/herald.v1.BroadcastService/BroadcastStream",
            Method::kBroadcastStream,
            [this](Context* context) { return BroadcastStream(context); });
  AddStream("/herald.v1.BroadcastService/Watch", Method::kWatch,
            [this](Context* context) -> Reactor* {
              return WatchReactor::Start(context, api_.watches, timers_,
                                         gate_->waiting(), &watches_limit_,
                                         watches_, rpcs_);
            });
}

template <typename Handle>
void BroadcastService::AddStream(const char* name, Method method,
                                 Handle handle) {
  const auto serve = [this, method, handle](Context* context) {
    const absl::Status allowed = gate_->Admit(*context);
    if (allowed.ok()) return static_cast<Reactor*>(handle(context));
    rpcs_->OnEnded(method, static_cast<grpc::StatusCode>(allowed.code()));
    return static_cast<Reactor*>(new RefusingReactor<Reactor>(allowed));
  };
  AddMethod(new RpcServiceMethod(name, RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(
      methods_++, new grpc::internal::CallbackBidiHandler<Bytes, Bytes>(serve));
}

template <typename Request, typename Response, typename Ask>
void BroadcastService::AddUnary(const char* name, Method method, Ask ask) {
  AddStream(name, method, [this, method, ask](Context* context) {
    return new UnaryCall<Request, Response, Ask>(context, this, method, ask);
  });
}

void BroadcastService::AddBroadcast() {
  const auto serve = [this](Context* context, const Bytes* request,
                            Bytes* response) {
    auto* const reactor = context->DefaultReactor();
    auto done = [this, reactor,
                 response](absl::StatusOr<v1::BroadcastResponse> answer) {
      if (answer.ok()) {
        Bytes bytes = EncodeMessage(*answer);
        response->Swap(&bytes);
      }
      rpcs_->OnEnded(Method::kBroadcast,
                     static_cast<grpc::StatusCode>(answer.status().code()));
      reactor->Finish(contract::ToGrpcStatus(answer.status()));
    };
    const absl::Status allowed = gate_->AdmitHot(*context, request->Length());
    v1::BroadcastRequest parsed;
    if (!allowed.ok()) {
      done(allowed);
    } else if (!DecodeMessage(*request, &parsed)) {
      done(NotA(parsed));
    } else {
      api_.broadcasts->Broadcast(parsed, std::move(done));
    }
    return reactor;
  };
  AddMethod(new RpcServiceMethod("/herald.v1.BroadcastService/Broadcast",
                                 RpcMethod::NORMAL_RPC, nullptr));
  MarkMethodRawCallback(
      methods_++,
      new grpc::internal::CallbackUnaryHandler<Bytes, Bytes>(serve));
}

void BroadcastService::AddCommands() {
  AddUnary<v1::SubscribeRequest, v1::SubscribeResponse>(
      "/herald.v1.BroadcastService/Subscribe", Method::kSubscribe,
      [this](const auto& request, auto done) {
        api_.commands->Subscribe(
            request, WithoutAnswer<v1::SubscribeResponse>(std::move(done)));
      });
  AddUnary<v1::UnsubscribeRequest, v1::UnsubscribeResponse>(
      "/herald.v1.BroadcastService/Unsubscribe", Method::kUnsubscribe,
      [this](const auto& request, auto done) {
        api_.commands->Unsubscribe(
            request, WithoutAnswer<v1::UnsubscribeResponse>(std::move(done)));
      });
  AddUnary<v1::DisconnectRequest, v1::DisconnectResponse>(
      "/herald.v1.BroadcastService/Disconnect", Method::kDisconnect,
      [this](const auto& request, auto done) {
        api_.commands->Disconnect(request, std::move(done));
      });
}

void BroadcastService::AddQueries() {
  AddUnary<v1::GetMembersRequest, v1::GetMembersResponse>(
      "/herald.v1.BroadcastService/GetMembers", Method::kGetMembers,
      [this](const auto& request, auto done) {
        api_.queries->GetMembers(request, std::move(done));
      });
  AddUnary<v1::GetChannelRequest, v1::GetChannelResponse>(
      "/herald.v1.BroadcastService/GetChannel", Method::kGetChannel,
      [this](const auto& request, auto done) {
        api_.queries->GetChannel(request, std::move(done));
      });
  AddUnary<v1::ListChannelsRequest, v1::ListChannelsResponse>(
      "/herald.v1.BroadcastService/ListChannels", Method::kListChannels,
      [this](const auto& request, auto done) {
        api_.queries->ListChannels(request, std::move(done));
      });
  AddUnary<v1::GetStatsRequest, v1::GetStatsResponse>(
      "/herald.v1.BroadcastService/GetStats", Method::kGetStats,
      [this](const auto& /*request*/, auto done) {
        api_.queries->GetStats(std::move(done));
      });
  AddUnary<v1::GetHistoryRequest, v1::GetHistoryResponse>(
      "/herald.v1.BroadcastService/GetHistory", Method::kGetHistory,
      [this](const auto& request, auto done) {
        api_.queries->GetHistory(request, std::move(done));
      });
}

BroadcastService::Reactor* BroadcastService::BroadcastStream(Context* context) {
  auto place = streams_limit_.Take(context->peer());
  absl::Status allowed = place.status();
  std::shared_ptr<BroadcastStreamReactor> stream =
      BroadcastStreamReactor::Create(
          api_.broadcasts, pacer_, &rpcs_->streams_paused,
          [this, place](BroadcastStreamReactor* self, grpc::StatusCode code) {
            Forget(self, code);
          });
  if (allowed.ok()) {
    contract::MutexLock lock(&mu_);
    if (stopped_) {
      allowed = Stopping();
    } else {
      streams_[stream.get()] = stream;
    }
  }
  if (!allowed.ok()) {
    rpcs_->OnEnded(Method::kBroadcastStream,
                   static_cast<grpc::StatusCode>(allowed.code()));
    return new RefusingReactor<Reactor>(allowed);
  }
  stream->Start();
  return stream.get();
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
