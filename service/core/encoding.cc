// SPDX-License-Identifier: Apache-2.0

#include "service/core/encoding.h"

#include <memory>
#include <string>
#include <utility>

#include "proto/contract/names.h"
#include "service/core/publication.h"
#include "simdjson.h"

namespace herald::core {
namespace {

simdjson::error_code Parse(absl::string_view text) {
  // The DOM parser, for On Demand looks only at what is asked of it. A parser
  // keeps its buffers, so one that has seen a large text is not kept.
  constexpr size_t kKeptBytesMax = 128 << 10;
  if (text.size() > kKeptBytesMax) {
    simdjson::dom::parser once;
    return once.parse(text.data(), text.size()).error();
  }
  thread_local simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error();
}

}  // namespace

Chunk EncodeItem(link::v1::ServiceItem item) {
  link::v1::AttachResponse frame;
  *frame.add_items() = std::move(item);
  return std::make_shared<const std::string>(frame.SerializeAsString());
}

Chunk EncodeWatch(v1::ServerMessage message) {
  v1::WatchResponse response;
  *response.mutable_message() = std::move(message);
  return std::make_shared<const std::string>(response.SerializeAsString());
}

bool IsJson(absl::string_view text) {
  simdjson::error_code error = Parse(text);
  // A number may be too large for simdjson, but not for JSON.
  std::string smaller;
  if (error == simdjson::NUMBER_ERROR &&
      contract::ReplaceNumbers(text, &smaller)) {
    error = Parse(smaller);
  }
  return error == simdjson::SUCCESS;
}

const Chunk& Publication::LinkChunk() const {
  if (link_chunk_ == nullptr) {
    link::v1::ServiceItem item;
    link::v1::Publication& out = *item.mutable_publication();
    out.set_channel(channel);
    out.set_event(event);
    out.set_data(data);
    out.set_except_socket_id(except_socket_id);
    out.set_whisper(whisper);
    out.set_user_id(user_id);
    out.set_published_us(published_us);
    link_chunk_ = EncodeItem(std::move(item));
  }
  return link_chunk_;
}

const Chunk& Publication::WatchChunk() const {
  if (watch_chunk_ == nullptr) {
    v1::ServerMessage message;
    v1::Event& out = *message.mutable_event();
    out.set_event(event);
    out.set_channel(channel);
    out.set_data(data);
    out.set_whisper(whisper);
    out.set_user_id(user_id);
    watch_chunk_ = EncodeWatch(std::move(message));
  }
  return watch_chunk_;
}

}  // namespace herald::core
