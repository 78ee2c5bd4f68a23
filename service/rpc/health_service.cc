// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/health_service.h"

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/wrappers.pb.h"
#include "grpcpp/impl/codegen/server_callback_handlers.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/write_token.h"
#include "service/rpc/streams/frames.h"
#include "service/rpc/streams/request_reactor.h"

namespace herald::rpc {
namespace {

using contract::MutexLock;
using grpc::internal::RpcMethod;
using grpc::internal::RpcServiceMethod;
using Bytes = grpc::ByteBuffer;
using Handler = grpc::internal::CallbackBidiHandler<Bytes, Bytes>;

// Whether a HealthCheckRequest names one of our services; nullopt if it cannot
// be parsed. On the wire the message is a StringValue.
std::optional<bool> NamesOurs(const Bytes& request) {
  google::protobuf::StringValue service;
  if (!DecodeMessage(request, &service)) return std::nullopt;
  return service.value().empty() ||
         service.value() == v1::BroadcastService::service_full_name();
}

// A HealthCheckResponse is an Int32Value.
Bytes ResponseOf(int status) {
  google::protobuf::Int32Value response;
  response.set_value(status);
  return EncodeMessage(response);
}

absl::Status NotARequest() {
  return absl::InvalidArgumentError("the message is not a HealthCheckRequest");
}

}  // namespace

class HealthService::CheckReactor final : public RequestReactor {
 public:
  CheckReactor(grpc::CallbackServerContext* context, HealthService* service)
      : RequestReactor(context, service->gate_->waiting()), service_(service) {
    service->gate_->Charge(*context);
  }

 private:
  void OnRequest(const Bytes& request) override {
    const std::optional<bool> ours = NamesOurs(request);
    if (!ours.has_value()) return Refuse(NotARequest());
    if (!*ours) return Refuse(absl::NotFoundError("unknown service"));
    Status status = kNotServing;
    {
      MutexLock lock(&service_->mu_);
      status = service_->status();
    }
    Answer(ResponseOf(status));
  }

  HealthService* const service_;
};

// gRPC is called with the service's lock held, which is safe: no reaction of a
// Watch runs within a call. A Watch is in `watches_` until OnDone().
class HealthService::HealthWatch final
    : public grpc::ServerBidiReactor<Bytes, Bytes> {
 public:
  HealthWatch(grpc::CallbackServerContext* context, HealthService* service)
      : service_(service), slot_(service->limit_.Take(context->peer())) {
    service_->gate_->Charge(*context);
    service_->gate_->waiting()->Add(&entry_, context);
    StartRead(&request_);
  }

 private:
  friend class HealthService;

  void OnReadDone(bool ok) override {
    service_->gate_->waiting()->Remove(&entry_);
    const std::optional<bool> ours =
        ok ? NamesOurs(request_) : std::optional<bool>(false);
    MutexLock lock(&service_->mu_);
    if (!ours.has_value()) {
      End(NotARequest());
    } else if (!slot_.ok()) {
      End(slot_.status());
    } else if (ok) {
      ours_ = *ours;
      service_->watches_.insert(this);
    } else {
      End(absl::InvalidArgumentError("the call has no request"));
    }
    service_->Serve(this);
  }
  void OnWriteDone(bool ok) override {
    MutexLock lock(&service_->mu_);
    if (!ok) End(absl::UnavailableError("the stream broke"));
    service_->Write(this);
  }
  void OnCancel() override {
    MutexLock lock(&service_->mu_);
    End(absl::CancelledError("the caller has disconnected"));
    service_->Serve(this);
  }
  void OnDone() override {
    {
      MutexLock lock(&service_->mu_);
      service_->watches_.erase(this);
    }
    delete this;
  }

  // The first reason counts.
  void End(absl::Status why) {
    if (why_.ok()) why_ = std::move(why);
  }

  HealthService* const service_;
  const absl::StatusOr<StreamLimit::Slot> slot_;
  WaitingCalls::Entry entry_;
  Bytes request_;

  // Guarded by the service's lock.
  bool ours_ = false;
  int sent_ = 0;
  contract::WriteToken token_;
  absl::Status why_;  // Why it ends; OK while it does not.
  Bytes response_;    // Lent to gRPC while a write is in flight.
};

HealthService::HealthService(CallGate* gate) : gate_(gate) {
  // Not NORMAL_RPC and SERVER_STREAMING: see request_reactor.h.
  AddMethod(new RpcServiceMethod("/grpc.health.v1.Health/Check",
                                 RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(
      0, new Handler([this](grpc::CallbackServerContext* context) {
        return new CheckReactor(context, this);
      }));
  AddMethod(new RpcServiceMethod("/grpc.health.v1.Health/Watch",
                                 RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(
      1, new Handler([this](grpc::CallbackServerContext* context) {
        return new HealthWatch(context, this);
      }));
}

void HealthService::Serve(HealthWatch* watch) {
  if (watch->token_.TryTake()) Write(watch);
}

void HealthService::Write(HealthWatch* watch) {
  if (stopped_) watch->End(absl::UnavailableError("the service is stopping"));
  if (!watch->why_.ok()) {
    watch->token_.End();
    return watch->Finish(contract::ToGrpcStatus(watch->why_));
  }
  const int due = watch->ours_ ? status() : kServiceUnknown;
  if (watch->sent_ == due) return watch->token_.Release();
  watch->sent_ = due;
  watch->response_ = ResponseOf(due);
  watch->StartWrite(&watch->response_);
}

void HealthService::SetServing(bool serving) {
  MutexLock lock(&mu_);
  serving_ = serving;
  for (HealthWatch* const watch : watches_) Serve(watch);
}

void HealthService::Stop() {
  MutexLock lock(&mu_);
  stopped_ = true;
  for (HealthWatch* const watch : watches_) Serve(watch);
}

}  // namespace herald::rpc
