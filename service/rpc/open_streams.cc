// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/open_streams.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "grpc/grpc.h"
#include "grpc/support/alloc.h"

namespace herald::rpc {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr intptr_t kPageSize = 1000;

// Takes the text of gRPC's, which is null if it knows no such thing.
Struct Parse(char* text) {
  Struct parsed;
  if (text == nullptr) return parsed;
  if (!google::protobuf::util::JsonStringToMessage(text, &parsed).ok()) {
    parsed.Clear();
  }
  gpr_free(text);
  return parsed;
}

const Value& At(const Struct& from, const char* name) {
  const auto it = from.fields().find(name);
  return it == from.fields().end() ? Value::default_instance() : it->second;
}

// Channelz writes 64-bit numbers as text, and leaves out what is 0.
int64_t NumberAt(const Struct& from, const char* name) {
  int64_t number = 0;
  return absl::SimpleAtoi(At(from, name).string_value(), &number) ? number : 0;
}

}  // namespace

std::vector<OpenStreams::Connection> ChannelzStreams::TakeNew() {
  std::vector<Connection> found;
  int64_t next = next_id_;
  const Struct servers = Parse(grpc_channelz_get_servers(0));
  for (const Value& server : At(servers, "server").list_value().values()) {
    const int64_t server_id =
        NumberAt(At(server.struct_value(), "ref").struct_value(), "serverId");
    bool ended = false;
    for (int64_t from = next_id_; !ended;) {
      const Struct page =
          Parse(grpc_channelz_get_server_sockets(server_id, from, kPageSize));
      const auto& sockets = At(page, "socketRef").list_value().values();
      for (const Value& socket : sockets) {
        Connection one;
        one.id = NumberAt(socket.struct_value(), "socketId");
        one.peer = std::string(absl::StripPrefix(
            At(socket.struct_value(), "name").string_value(), "chttp2 "));
        from = one.id + 1;
        found.push_back(std::move(one));
      }
      ended = sockets.empty() || At(page, "end").bool_value();
      next = std::max(next, from);
    }
  }
  next_id_ = next;
  return found;
}

std::optional<int64_t> ChannelzStreams::CountOf(int64_t id) {
  const Struct answer = Parse(grpc_channelz_get_socket(id));
  if (!At(answer, "socket").has_struct_value()) return std::nullopt;
  const Struct& data =
      At(At(answer, "socket").struct_value(), "data").struct_value();
  return NumberAt(data, "streamsStarted") - NumberAt(data, "streamsSucceeded") -
         NumberAt(data, "streamsFailed");
}

}  // namespace herald::rpc
