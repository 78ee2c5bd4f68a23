// SPDX-License-Identifier: Apache-2.0

#include "gateway/link/health.h"

#include <future>
#include <string>

#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "proto/contract/grpc_deadline.h"

namespace herald::gateway {
namespace {

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";

// HealthCheckResponse with status = SERVING: field 1, a varint of 1. The
// message has one field, and Debian has no generated code for it.
constexpr char kServing[] = "\x08\x01";

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return "";
  return std::string(reinterpret_cast<const char*>(slice.begin()),
                     slice.size());
}

}  // namespace

bool IsServing(const std::shared_ptr<grpc::Channel>& channel,
               absl::Duration deadline) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(contract::GrpcDeadline(deadline));
  const grpc::Slice empty;  // A HealthCheckRequest for the whole server.
  const grpc::ByteBuffer request(&empty, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(
      &context, kCheck, grpc::StubOptions(), &request, &response,
      [&done](grpc::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get().ok() && BytesOf(response) == kServing;
}

}  // namespace herald::gateway
