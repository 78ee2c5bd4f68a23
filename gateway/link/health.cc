// SPDX-License-Identifier: Apache-2.0

#include "gateway/link/health.h"

#include <string>
#include <utility>

#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/client_callback.h"
#include "grpcpp/support/slice.h"
#include "proto/contract/grpc_deadline.h"

namespace herald::gateway {
namespace {

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";

// HealthCheckResponse with status = SERVING: field 1, a varint of 1. The
// message has no other field, and Debian has no generated code for it.
constexpr char kServing[] = "\x08\x01";

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return "";
  return std::string(reinterpret_cast<const char*>(slice.begin()),
                     slice.size());
}

}  // namespace

HealthCheck::HealthCheck(std::shared_ptr<grpc::Channel> channel,
                         absl::Duration deadline)
    : channel_(std::move(channel)) {
  context_.set_deadline(contract::GrpcDeadline(deadline));
  const grpc::Slice empty;  // A HealthCheckRequest for the whole server.
  request_ = grpc::ByteBuffer(&empty, 1);
  grpc::GenericStub stub(channel_);
  stub.UnaryCall(
      &context_, kCheck, grpc::StubOptions(), &request_, &response_,
      [this](grpc::Status status) {
        status_ = std::move(status);
        done_.Notify();  // Last: the owner may destroy the check now.
      });
}

HealthCheck::~HealthCheck() {
  context_.TryCancel();
  done_.WaitForNotification();
}

bool HealthCheck::serving() const {
  return status_.ok() && BytesOf(response_) == kServing;
}

}  // namespace herald::gateway
