// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/streams/frames.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "grpc/slice.h"
#include "grpcpp/support/slice.h"
#include "service/channel/encoding.h"

namespace herald::rpc {

core::Chunk EncodeForWatch(const core::Chunk& publication) {
  v1::ServerMessage message;
  *message.mutable_event() = core::DecodeEvent(publication).value();
  return core::EncodeWatch(std::move(message));
}

grpc::ByteBuffer JoinChunks(const std::vector<core::Chunk>& chunks) {
  size_t size = 0;
  for (const core::Chunk& chunk : chunks) size += chunk->size();
  const grpc::Slice slice(grpc_slice_malloc(size), grpc::Slice::STEAL_REF);
  auto* out = const_cast<uint8_t*>(slice.begin());
  for (const core::Chunk& chunk : chunks) {
    std::memcpy(out, chunk->data(), chunk->size());
    out += chunk->size();
  }
  return {&slice, 1};
}

grpc::ByteBuffer EncodeMessage(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(grpc_slice_malloc(message.ByteSizeLong()),
                          grpc::Slice::STEAL_REF);
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return {&slice, 1};
}

bool DecodeMessage(const grpc::ByteBuffer& buffer,
                   google::protobuf::MessageLite* out) {
  grpc::Slice slice;
  if (!buffer.TrySingleSlice(&slice).ok() &&
      !buffer.DumpToSingleSlice(&slice).ok()) {
    return false;
  }
  if (slice.size() > std::numeric_limits<int>::max()) return false;
  return out->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

}  // namespace herald::rpc
