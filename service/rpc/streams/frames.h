// SPDX-License-Identifier: Apache-2.0
//
// Messages to and from gRPC's byte buffers. Pure.

#ifndef HERALD_SERVICE_RPC_STREAMS_FRAMES_H_
#define HERALD_SERVICE_RPC_STREAMS_FRAMES_H_

#include <vector>

#include "google/protobuf/message_lite.h"
#include "grpcpp/support/byte_buffer.h"
#include "service/channel/sink.h"

namespace herald::rpc {

// The concatenated chunks, in one slice.
grpc::ByteBuffer JoinChunks(const std::vector<core::Chunk>& chunks);

// A publication as gateways receive it (sink.h), encoded for a Watch.
core::Chunk EncodeForWatch(const core::Chunk& publication);

// The serialized message, in one slice.
grpc::ByteBuffer EncodeMessage(const google::protobuf::MessageLite& message);

// Parses a whole message, reusing the memory of `out`. False if the bytes are
// not a message of that type; `out` is unspecified then.
bool DecodeMessage(const grpc::ByteBuffer& buffer,
                   google::protobuf::MessageLite* out);

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_FRAMES_H_
