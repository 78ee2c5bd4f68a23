// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/frame.h"

#include <map>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "simdjson.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

using Kind = Frame::Kind;
using simdjson::dom::element;

const std::map<std::string_view, Kind>& Kinds() {
  static const auto* const kinds = new std::map<std::string_view, Kind>{
      {"connected", Kind::kConnected},
      {"subscribed", Kind::kSubscribed},
      {"subscription_error", Kind::kSubscriptionError},
      {"unsubscribed", Kind::kUnsubscribed},
      {"event", Kind::kEvent},
      {"member_added", Kind::kMemberAdded},
      {"member_removed", Kind::kMemberRemoved},
      {"pong", Kind::kPong},
      {"error", Kind::kError}};
  return *kinds;
}

// The fields of one object, which end the round if they are missing or of
// another type.
class Fields {
 public:
  Fields(absl::string_view text, element object)
      : text_(text), object_(object) {}

  std::string String(const char* key) const {
    std::string_view value;
    if (object_[key].get(value) != simdjson::SUCCESS) Miss(key);
    return std::string(value);
  }

  // As above, but it may not be there.
  template <typename T>
  bool Find(const char* key, T* value) const {
    element found;
    if (object_[key].get(found) != simdjson::SUCCESS) return false;
    if (found.get(*value) != simdjson::SUCCESS) Miss(key);
    return true;
  }

  [[noreturn]] void Miss(const char* key) const {
    Fail("a frame without a proper `", key, "`: ", text_.substr(0, 500));
  }

 private:
  const absl::string_view text_;
  const element object_;
};

void ReadPosition(const Fields& fields, Frame* frame) {
  std::string_view epoch;
  if (fields.Find("epoch", &epoch)) frame->epoch = std::string(epoch);
  frame->has_offset = fields.Find("offset", &frame->offset);
  if (frame->epoch.empty() == frame->has_offset) fields.Miss("epoch");
}

void ReadSubscribed(const Fields& fields, Frame* frame) {
  ReadPosition(fields, frame);
  bool recovered = false;
  if (fields.Find("recovered", &recovered)) frame->recovered = recovered;
  simdjson::dom::array members;
  if (!fields.Find("members", &members)) return;
  for (const element member : members) {
    std::string_view user;
    element info;
    if (member["user_id"].get(user) != simdjson::SUCCESS ||
        member["user_info"].get(info) != simdjson::SUCCESS) {
      fields.Miss("members");
    }
    frame->users.emplace_back(user);
  }
}

void ReadEvent(const Fields& fields, Frame* frame) {
  fields.String("event");
  std::string_view data;
  // All data of the suite is a string without escapes.
  if (!fields.Find("data", &data)) fields.Miss("data");
  frame->data = absl::StrCat("\"", std::string(data), "\"");
  frame->has_offset = fields.Find("offset", &frame->offset);
  fields.Find("whisper", &frame->is_whisper);
}

}  // namespace

Frame ParseFrame(absl::string_view text) {
  thread_local simdjson::dom::parser parser;
  element json;
  if (parser.parse(text.data(), text.size()).get(json) != simdjson::SUCCESS) {
    Fail("a frame that is not JSON: ", text.substr(0, 500));
  }
  const Fields fields(text, json);
  const std::string type = fields.String("type");
  const auto kind = Kinds().find(type);
  if (kind == Kinds().end()) fields.Miss("type");
  Frame frame;
  frame.kind = kind->second;
  switch (frame.kind) {
    case Kind::kConnected:
      frame.socket_id = fields.String("socket_id");
      return frame;
    case Kind::kPong:
      return frame;
    case Kind::kError:
      frame.text = fields.String("message");
      return frame;
    default:
      frame.channel = fields.String("channel");
  }
  std::string_view reason;
  switch (frame.kind) {
    case Kind::kSubscribed:
      ReadSubscribed(fields, &frame);
      break;
    case Kind::kSubscriptionError:
      frame.text = fields.String("error");
      frame.code = fields.String("code");
      break;
    case Kind::kUnsubscribed:
      if (fields.Find("reason", &reason)) frame.text = std::string(reason);
      break;
    case Kind::kEvent:
      ReadEvent(fields, &frame);
      break;
    default:
      frame.users.push_back(fields.String("user_id"));
  }
  return frame;
}

Frame ToFrame(const v1::ServerMessage& message) {
  Frame frame;
  switch (message.message_case()) {
    case v1::ServerMessage::kConnected:
      frame.kind = Kind::kConnected;
      break;
    case v1::ServerMessage::kSubscribed: {
      const v1::Subscribed& in = message.subscribed();
      frame.kind = Kind::kSubscribed;
      frame.channel = in.channel();
      for (const v1::Member& member : in.members()) {
        frame.users.push_back(member.user_id());
      }
      frame.epoch = in.epoch();
      frame.offset = in.offset();
      frame.has_offset = !in.epoch().empty();
      if (in.has_recovered()) frame.recovered = in.recovered();
      break;
    }
    case v1::ServerMessage::kEvent:
      frame.kind = Kind::kEvent;
      frame.channel = message.event().channel();
      frame.data = message.event().data();
      frame.is_whisper = message.event().whisper();
      frame.offset = message.event().offset();
      frame.has_offset = frame.offset != 0;
      break;
    case v1::ServerMessage::kMemberAdded:
      frame.kind = Kind::kMemberAdded;
      frame.channel = message.member_added().channel();
      frame.users = {message.member_added().user_id()};
      break;
    case v1::ServerMessage::kMemberRemoved:
      frame.kind = Kind::kMemberRemoved;
      frame.channel = message.member_removed().channel();
      frame.users = {message.member_removed().user_id()};
      break;
    default:
      Fail("a Watch received ", message.ShortDebugString());
  }
  return frame;
}

}  // namespace herald::chaos
