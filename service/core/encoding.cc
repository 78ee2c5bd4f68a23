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

// What a thread keeps for the next text does not keep the room of a larger one.
constexpr size_t kKeptBytesMax = 128 << 10;

simdjson::error_code Parse(absl::string_view text) {
  // The DOM parser, for On Demand looks only at what is asked of it.
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

v1::Position ToProto(const Position& position) {
  v1::Position out;
  out.set_epoch(position.epoch);
  out.set_offset(position.offset);
  return out;
}

std::optional<v1::Event> DecodeEvent(const Chunk& chunk) {
  link::v1::AttachResponse frame;
  if (!frame.ParseFromString(*chunk) || frame.items_size() != 1 ||
      !frame.items(0).has_publication()) {
    return std::nullopt;
  }
  link::v1::Publication& in = *frame.mutable_items(0)->mutable_publication();
  v1::Event event;
  event.set_event(std::move(*in.mutable_event()));
  event.set_channel(std::move(*in.mutable_channel()));
  event.set_data(std::move(*in.mutable_data()));
  event.set_offset(in.offset());
  return event;
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
    // One per thread, whose strings are reused: every event comes here.
    thread_local link::v1::AttachResponse frame;
    if (frame.items().empty()) frame.add_items();
    link::v1::Publication& out = *frame.mutable_items(0)->mutable_publication();
    out.set_channel(channel);
    out.set_event(event);
    out.set_data(data);
    out.set_except_socket_id(except_socket_id);
    out.set_whisper(whisper);
    out.set_user_id(user_id);
    out.set_published_us(published_us);
    out.set_offset(offset);
    link_chunk_ =
        std::make_shared<const std::string>(frame.SerializeAsString());
    if (data.size() > kKeptBytesMax) frame.Clear();
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
    out.set_offset(offset);
    watch_chunk_ = EncodeWatch(std::move(message));
  }
  return watch_chunk_;
}

}  // namespace herald::core
