// SPDX-License-Identifier: Apache-2.0

#include "service/channel/encoding.h"

#include <memory>
#include <string>
#include <utility>

#include "service/channel/publication.h"

namespace herald::core {
namespace {

// A thread reuses its message, unless the last payload was larger than this:
// the message would keep that memory for good.
constexpr size_t kKeptBytesMax = 128 << 10;

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

v1::ServerMessage MemberAddedOf(absl::string_view channel, v1::Member member) {
  v1::ServerMessage message;
  v1::MemberAdded& added = *message.mutable_member_added();
  added.set_channel(std::string(channel));
  added.set_user_id(std::move(*member.mutable_user_id()));
  added.set_user_info(std::move(*member.mutable_user_info()));
  return message;
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

const Chunk& Publication::LinkChunk() const {
  if (link_chunk_ == nullptr) {
    // One per thread, so that the strings are reused: every event is encoded
    // here.
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

Position FromProto(const v1::Position& position) {
  return {position.epoch(), position.offset()};
}

link::v1::ServiceItem NewPosition(absl::string_view channel,
                                  const Position& position, bool lost) {
  link::v1::ServiceItem item;
  link::v1::NewPosition& out = *item.mutable_new_position();
  out.set_channel(std::string(channel));
  if (!position.epoch.empty()) *out.mutable_position() = ToProto(position);
  out.set_lost(lost);
  return item;
}

}  // namespace herald::core
