// SPDX-License-Identifier: Apache-2.0

#include "gateway/dialects/native/native_dialect.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/json/json.h"
#include "proto/json/json_reader.h"
#include "proto/json/json_text.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using json::JsonReader;

// Writes a JSON object field by field, then frames it.
class ObjectWriter {
 public:
  ObjectWriter(absl::string_view type, std::string* frames)
      : frames_(frames), text_("{\"type\":\"") {
    text_.append(type.data(), type.size());
    text_.push_back('"');
  }
  ObjectWriter& String(absl::string_view name, absl::string_view value) {
    Name(name);
    json::AppendJsonString(value, &text_);
    return *this;
  }
  // The name as the client sent it, which may be invalid.
  ObjectWriter& Echo(absl::string_view channel) {
    return String("channel", contract::CutUtf8(channel, kEchoedNameBytesMax));
  }
  ObjectWriter& Json(absl::string_view name, absl::string_view json) {
    Name(name);
    absl::StrAppend(&text_, json::JsonOrNull(json));
    return *this;
  }
  ObjectWriter& Array(absl::string_view name, const Members& members) {
    Name(name);
    text_.reserve(text_.size() + static_cast<size_t>(members.bytes));
    text_.push_back('[');
    for (const auto& member : members.all) {
      if (text_.back() != '[') text_.push_back(',');
      text_ += "{\"user_id\":";
      json::AppendJsonString(member->user_id(), &text_);
      absl::StrAppend(&text_,
                      ",\"user_info\":", json::JsonOrNull(member->user_info()),
                      "}");
    }
    text_.push_back(']');
    return *this;
  }
  void End() {
    text_.push_back('}');
    AppendTextFrame(text_, frames_);
  }

 private:
  void Name(absl::string_view name) {
    absl::StrAppend(&text_, ",\"", name, "\":");
  }

  std::string* const frames_;
  std::string text_;
};

// The fields of a client message of any type, and the first error in them. All
// fields are read in any case, so that the answer can name the channel.
struct MessageFields {
  std::optional<std::string> type, channel, event, auth, channel_data, data;
  std::optional<v1::Position> recover;
  absl::Status status;
  absl::Status recover_status;  // Applies to subscribes only.
};

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// `text_only`: the field is passed on as a protobuf string, which is UTF-8.
absl::Status ReadString(absl::string_view name, absl::string_view value,
                        bool text_only, std::optional<std::string>* out) {
  if (!json::IsJsonString(value)) {
    return Malformed(absl::StrCat("field \"", name, "\" must be a string"));
  }
  std::string text = json::DecodeJsonString(value);
  if (text_only && !contract::IsUtf8(text)) {
    return Malformed(
        absl::StrCat("field \"", name, "\" holds half of a surrogate pair"));
  }
  *out = std::move(text);
  return absl::OkStatus();
}

bool IsObject(absl::string_view json) {
  return json::IsJson(json) && json::IsJsonObject(json::StripJsonSpace(json));
}

// An object, or a string that holds one: the Pusher scheme signs the string.
absl::Status ReadChannelData(absl::string_view value,
                             std::optional<std::string>* out) {
  const bool is_string = json::IsJsonString(value);
  std::string text =
      is_string ? json::DecodeJsonString(value) : std::string(value);
  if (is_string ? !IsObject(text) : !json::IsJsonObject(value)) {
    return Malformed(
        "field \"channel_data\" must be an object, or a string that holds one");
  }
  *out = std::move(text);
  return absl::OkStatus();
}

// An object with an `offset` and perhaps an `epoch`.
absl::Status ReadRecover(absl::string_view value,
                         std::optional<v1::Position>* out) {
  if (!json::IsJsonObject(value)) {
    return Malformed("field \"recover\" must be an object");
  }
  std::optional<std::string> epoch;
  int64_t offset = -1;
  json::JsonReader members(value);
  while (members.Next()) {
    const std::string key = json::DecodeJsonString(members.key());
    const absl::string_view part = members.value();
    if (key == "epoch" && part != "null") {
      absl::Status status = ReadString("recover.epoch", part, true, &epoch);
      if (!status.ok()) return status;
    } else if (key == "offset" &&
               (json::IsJsonString(part) || !absl::SimpleAtoi(part, &offset))) {
      offset = -1;
    }
  }
  if (offset < 0) {
    return Malformed(
        "field \"recover.offset\" must be an integer that is not negative");
  }
  out->emplace().set_offset(offset);
  if (epoch.has_value()) (*out)->set_epoch(*std::move(epoch));
  return absl::OkStatus();
}

// Names may contain half of a surrogate pair here: name checks refuse them
// later.
absl::Status ReadField(absl::string_view name, absl::string_view value,
                       MessageFields* fields) {
  if (name == "data") {
    fields->data.emplace(value);
    return absl::OkStatus();
  }
  if (value == "null") return absl::OkStatus();  // As an absent field.
  if (name == "type") return ReadString(name, value, false, &fields->type);
  if (name == "channel") {
    return ReadString(name, value, false, &fields->channel);
  }
  if (name == "event") return ReadString(name, value, false, &fields->event);
  if (name == "auth") return ReadString(name, value, true, &fields->auth);
  if (name == "channel_data") {
    return ReadChannelData(value, &fields->channel_data);
  }
  if (name == "recover") {
    fields->recover_status = ReadRecover(value, &fields->recover);
  }
  return absl::OkStatus();  // Unknown fields are ignored.
}

// The bound on nesting holds for each field, so that clients may whisper
// anything that a backend may publish.
absl::Status CheckDepth(absl::string_view name, absl::string_view value) {
  if (json::IsJson(value)) return absl::OkStatus();
  return Malformed(absl::StrCat("field ", contract::Quoted(name),
                                " is nested deeper than ",
                                contract::kJsonDepthMax));
}

MessageFields ReadFields(absl::string_view text) {
  MessageFields fields;
  int depth = 0;
  const auto fault = json::FindJsonFault(text, &depth);
  const absl::string_view message = json::StripJsonSpace(text);
  if (fault.has_value()) {
    fields.status = Malformed("the message is not JSON");
  } else if (!json::IsJsonObject(message)) {
    fields.status = Malformed("the message is not an object");
  }
  if (!fields.status.ok()) return fields;
  json::JsonReader members(message);
  while (members.Next()) {
    const std::string key = json::DecodeJsonString(members.key());
    absl::Status status;
    if (depth > contract::kJsonDepthMax) {
      status = CheckDepth(key, members.value());
    }
    if (status.ok()) status = ReadField(key, members.value(), &fields);
    fields.status.Update(status);
  }
  return fields;
}

// Returns an error for the first of `needed` that is missing.
absl::Status CheckNeeded(
    absl::string_view type,
    std::initializer_list<
        std::pair<absl::string_view, const std::optional<std::string>*>>
        needed) {
  for (const auto& [name, field] : needed) {
    if (field->has_value()) continue;
    return Malformed(absl::StrCat("field \"", name, "\" is missing in ", type));
  }
  return absl::OkStatus();
}

// Returns the first error in a message of this type.
absl::Status CheckFields(const MessageFields& f) {
  if (!f.status.ok()) return f.status;
  if (!f.type) return Malformed("field \"type\" is missing");
  const std::string& type = *f.type;
  if (type == "subscribe") {
    absl::Status status = CheckNeeded(type, {{"channel", &f.channel}});
    return status.ok() ? f.recover_status : status;
  }
  if (type == "unsubscribe") {
    return CheckNeeded(type, {{"channel", &f.channel}});
  }
  if (type == "whisper") {
    return CheckNeeded(
        type,
        {{"channel", &f.channel}, {"event", &f.event}, {"data", &f.data}});
  }
  if (type == "ping") return absl::OkStatus();
  return Malformed(
      absl::StrCat("type ", contract::Quoted(type), " is not known"));
}

void Write(const ConnectedMessage& one, std::string* out) {
  ObjectWriter("connected", out).String("socket_id", one.socket_id).End();
}

void Write(const SubscribedMessage& one, std::string* out) {
  ObjectWriter object("subscribed", out);
  object.String("channel", one.channel);
  if (one.members != nullptr) object.Array("members", *one.members);
  if (one.position.has_value()) {
    object.String("epoch", one.position->epoch())
        .Json("offset", absl::StrCat(one.position->offset()));
  }
  if (one.recovered.has_value()) {
    object.Json("recovered", *one.recovered ? "true" : "false");
  }
  object.End();
}

void Write(const SubscriptionErrorMessage& one, std::string* out) {
  ObjectWriter("subscription_error", out)
      .Echo(one.channel)
      .String("error", one.error)
      .String("code", RefusalName(one.code))
      .End();
}

void Write(const UnsubscribedMessage& one, std::string* out) {
  ObjectWriter object("unsubscribed", out);
  object.String("channel", one.channel);
  if (!one.reason.empty()) object.String("reason", one.reason);
  object.End();
}

// Clients of this protocol do not sign in.
void Write(const SignedInMessage& /*one*/, std::string* /*out*/) {}
void Write(const SignInErrorMessage& /*one*/, std::string* /*out*/) {}

void Write(const EventMessage& one, std::string* out) {
  const link::v1::Publication& publication = one.publication;
  ObjectWriter object("event", out);
  object.String("event", publication.event())
      .String("channel", publication.channel())
      .Json("data", publication.data());
  if (publication.whisper()) object.Json("whisper", "true");
  if (!publication.user_id().empty()) {
    object.String("user_id", publication.user_id());
  }
  if (publication.offset() > 0) {
    object.Json("offset", absl::StrCat(publication.offset()));
  }
  object.End();
}

void Write(const MemberAddedMessage& one, std::string* out) {
  ObjectWriter("member_added", out)
      .String("channel", one.channel)
      .String("user_id", one.member.user_id())
      .Json("user_info", one.member.user_info())
      .End();
}

void Write(const MemberRemovedMessage& one, std::string* out) {
  ObjectWriter("member_removed", out)
      .String("channel", one.channel)
      .String("user_id", one.user_id)
      .End();
}

void Write(const PongMessage& /*pong*/, std::string* out) {
  ObjectWriter("pong", out).End();
}

void Write(const ErrorMessage& one, std::string* out) {
  ObjectWriter object("error", out);
  object.String("message", one.message);
  if (one.channel.has_value()) object.Echo(*one.channel);
  object.String("code", ErrorName(one.code)).End();
}

struct CloseFrame {
  uint16_t code;
  absl::string_view text;
};

CloseFrame CloseFrameOf(CloseReason why) {
  switch (why) {
    case CloseReason::kNormal:
      return {1000, ""};
    case CloseReason::kGoingAway:
      return {1001, "shutting down"};
    case CloseReason::kProtocolError:
      return {1002, "WebSocket protocol error"};
    case CloseReason::kBinary:
      return {1003, "binary messages are not supported"};
    case CloseReason::kBadUtf8:
      return {1007, "a text message is not UTF-8"};
    case CloseReason::kTooLarge:
      return {1009, "a message is too large"};
    case CloseReason::kRefused:
      return {1008, "refused"};
    case CloseReason::kOverloaded:
      return {1013, "the gateway is overloaded; try again later"};
    case CloseReason::kSlow:
      return {4001, "messages were not read in time"};
    case CloseReason::kNoHeartbeat:
      return {4002, "no sign of life"};
    case CloseReason::kDisconnected:
      return {4003, "disconnected by the backend"};
    case CloseReason::kUnfinished:
      return {4004, "a message was not completed in time"};
  }
  return {1000, ""};
}

}  // namespace

ClientMessage NativeDialect::Decode(absl::string_view text) const {
  MessageFields f = ReadFields(text);
  const absl::Status status = CheckFields(f);
  if (!status.ok()) {
    return BadMessage{std::string(status.message()), std::move(f.channel),
                      f.type == "subscribe"};
  }
  const std::string& type = *f.type;
  if (type == "subscribe") {
    return SubscribeMessage{
        std::move(*f.channel), std::move(f.auth).value_or(""),
        std::move(f.channel_data).value_or(""), std::move(f.recover)};
  }
  if (type == "unsubscribe") return UnsubscribeMessage{std::move(*f.channel)};
  if (type == "whisper") {
    return WhisperMessage{std::move(*f.channel), std::move(*f.event),
                          std::move(*f.data)};
  }
  return PingMessage{};
}

void NativeDialect::Encode(const ServerMessage& message,
                           std::string* frames) const {
  std::visit([frames](const auto& one) { Write(one, frames); }, message);
}

Acceptance NativeDialect::Accept(const UpgradeRequest& request) const {
  if (request.origin_allowed) return Accepted();
  return RefusedByHttp{403, "the origin is not allowed"};
}

Goodbye NativeDialect::MakeGoodbye(CloseReason why, absl::string_view text,
                                   std::optional<absl::Duration> delay) const {
  const CloseFrame frame = CloseFrameOf(why);
  Goodbye goodbye;
  goodbye.code = frame.code;
  if (delay.has_value()) {
    goodbye.text = absl::StrCat("shutting down, come back in ",
                                absl::ToInt64Milliseconds(*delay), " ms");
  } else {
    goodbye.text = std::string(text.empty() ? frame.text : text);
  }
  return goodbye;
}

}  // namespace herald::gateway
