// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/native_dialect.h"

#include <initializer_list>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/core/json_text.h"
#include "proto/contract/names.h"
#include "simdjson.h"

namespace herald::gateway {
namespace {

namespace ondemand = simdjson::ondemand;
using contract::CloseReason;

absl::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

// A JSON object that is written field by field, and then framed.
class ObjectWriter {
 public:
  explicit ObjectWriter(absl::string_view type) : text_("{\"type\":\"") {
    text_.append(type.data(), type.size());
    text_.push_back('"');
  }
  ObjectWriter& String(absl::string_view name, absl::string_view value) {
    Name(name);
    AppendJsonString(value, &text_);
    return *this;
  }
  ObjectWriter& Json(absl::string_view name, absl::string_view json) {
    Name(name);
    absl::StrAppend(&text_, JsonOrNull(json));
    return *this;
  }
  FrameBytes Frame() {
    text_.push_back('}');
    return EncodeTextFrame(text_);
  }

 private:
  void Name(absl::string_view name) {
    absl::StrAppend(&text_, ",\"", name, "\":");
  }

  std::string text_;
};

// The fields of a client message, as far as any type has them.
struct Fields {
  std::optional<std::string> type, channel, event, auth, channel_data, data;
  absl::StatusOr<std::optional<v1::Position>> recover =
      std::optional<v1::Position>();
};

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

absl::Status ReadString(absl::string_view name, ondemand::value value,
                        std::optional<std::string>* out) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) {
    return Malformed(absl::StrCat("field \"", name, "\" must be a string"));
  }
  out->emplace(text);
  return absl::OkStatus();
}

// Parses what could not be parsed, with smaller numbers: those that fit no
// machine type may have been all that was wrong.
bool ParseWithoutNumbers(simdjson::dom::parser& parser, absl::string_view json,
                         simdjson::dom::element* element) {
  std::string smaller;
  return contract::ReplaceNumbers(json, &smaller) && smaller != json &&
         parser.parse(smaller).get(*element) == simdjson::SUCCESS;
}

bool IsObject(absl::string_view json) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element element;
  const bool is_json = parser.parse(json.data(), json.size()).get(element) ==
                           simdjson::SUCCESS ||
                       ParseWithoutNumbers(parser, json, &element);
  return is_json && element.is_object();
}

// An object, or a string that holds one: the Pusher scheme signs the string.
absl::Status ReadChannelData(ondemand::value value,
                             std::optional<std::string>* out) {
  const auto refusal = Malformed(
      "field \"channel_data\" must be an object, or a string that holds one");
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return refusal;
  if (type == ondemand::json_type::string) {
    absl::Status status = ReadString("channel_data", value, out);
    if (!status.ok()) return status;
    return IsObject(**out) ? absl::OkStatus() : refusal;
  }
  std::string_view raw;
  if (type != ondemand::json_type::object ||
      simdjson::to_json_string(value).get(raw) != simdjson::SUCCESS) {
    return refusal;
  }
  out->emplace(raw);
  return absl::OkStatus();
}

// An object with an `offset` and perhaps an `epoch`.
absl::StatusOr<std::optional<v1::Position>> ReadRecover(ondemand::value value) {
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) {
    return Malformed("field \"recover\" must be an object");
  }
  std::optional<std::string> epoch;
  int64_t offset = -1;
  for (auto field : object) {
    std::string_view key;
    ondemand::value part;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
        field.value().get(part) != simdjson::SUCCESS) {
      return Malformed("field \"recover\" cannot be read");
    }
    if (key == "epoch" && !part.is_null()) {
      const absl::Status status = ReadString("recover.epoch", part, &epoch);
      if (!status.ok()) return status;
    } else if (key == "offset" &&
               part.get_int64().get(offset) != simdjson::SUCCESS) {
      offset = -1;
    }
  }
  if (offset < 0) {
    return Malformed(
        "field \"recover.offset\" must be an integer that is not negative");
  }
  v1::Position position;
  position.set_offset(offset);
  if (epoch.has_value()) position.set_epoch(*std::move(epoch));
  return position;
}

absl::Status ReadField(std::string_view key, ondemand::value value,
                       Fields* fields) {
  const absl::string_view name = View(key);
  if (name == "data") {
    std::string_view raw;
    if (simdjson::to_json_string(value).get(raw) != simdjson::SUCCESS) {
      return Malformed("field \"data\" cannot be read");
    }
    fields->data.emplace(raw);
    return absl::OkStatus();
  }
  if (value.is_null()) return absl::OkStatus();  // As if it were not there.
  if (name == "type") return ReadString(name, value, &fields->type);
  if (name == "channel") return ReadString(name, value, &fields->channel);
  if (name == "event") return ReadString(name, value, &fields->event);
  if (name == "auth") return ReadString(name, value, &fields->auth);
  if (name == "channel_data") {
    return ReadChannelData(value, &fields->channel_data);
  }
  // Only of interest in a subscribe.
  if (name == "recover") fields->recover = ReadRecover(value);
  return absl::OkStatus();  // Unknown fields are ignored.
}

// The DOM parser says whether it is JSON at all, for On Demand looks only at
// what is asked of it; On Demand then takes it apart, for it has raw texts.
absl::StatusOr<Fields> ReadFields(absl::string_view text) {
  constexpr size_t kKeptBytesMax = 128 << 10;
  const bool keep = text.size() <= kKeptBytesMax;
  thread_local simdjson::dom::parser kept_dom;
  thread_local ondemand::parser kept_parser;
  simdjson::dom::parser large_dom;
  ondemand::parser large_parser;
  const simdjson::padded_string padded(text.data(), text.size());
  simdjson::dom::element element;
  simdjson::dom::parser& dom = keep ? kept_dom : large_dom;
  if (dom.parse(padded).get(element) != simdjson::SUCCESS &&
      !ParseWithoutNumbers(dom, text, &element)) {
    return Malformed("the message is not JSON");
  }
  if (!element.is_object()) return Malformed("the message is not an object");
  ondemand::document document;
  ondemand::object object;
  if ((keep ? kept_parser : large_parser).iterate(padded).get(document) !=
          simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return Malformed("the message cannot be read");
  }
  Fields fields;
  for (auto field : object) {
    std::string_view key;
    ondemand::value value;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
        field.value().get(value) != simdjson::SUCCESS) {
      return Malformed("the message cannot be read");
    }
    absl::Status status = ReadField(key, value, &fields);
    if (!status.ok()) return status;
  }
  return fields;
}

// The first of `needed` that is missing, as an error.
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

}  // namespace

absl::StatusOr<ClientMessage> NativeDialect::Decode(
    absl::string_view text) const {
  absl::StatusOr<Fields> fields = ReadFields(text);
  if (!fields.ok()) return fields.status();
  Fields& f = *fields;
  if (!f.type) return Malformed("field \"type\" is missing");
  const std::string& type = *f.type;
  if (type == "subscribe") {
    absl::Status status = CheckNeeded(type, {{"channel", &f.channel}});
    if (status.ok()) status = f.recover.status();
    if (!status.ok()) return status;
    return SubscribeMessage{
        std::move(*f.channel), std::move(f.auth).value_or(""),
        std::move(f.channel_data).value_or(""), *std::move(f.recover)};
  }
  if (type == "unsubscribe") {
    absl::Status status = CheckNeeded(type, {{"channel", &f.channel}});
    if (!status.ok()) return status;
    return UnsubscribeMessage{std::move(*f.channel)};
  }
  if (type == "whisper") {
    absl::Status status = CheckNeeded(
        type,
        {{"channel", &f.channel}, {"event", &f.event}, {"data", &f.data}});
    if (!status.ok()) return status;
    return WhisperMessage{std::move(*f.channel), std::move(*f.event),
                          std::move(*f.data)};
  }
  if (type == "ping") return PingMessage{};
  return Malformed(
      absl::StrCat("type ", contract::Quoted(type), " is not known"));
}

FrameBytes NativeDialect::Connected(absl::string_view socket_id) const {
  return ObjectWriter("connected").String("socket_id", socket_id).Frame();
}

FrameBytes NativeDialect::Subscribed(absl::string_view channel,
                                     const std::string* members,
                                     const v1::Position* position,
                                     std::optional<bool> recovered) const {
  ObjectWriter object("subscribed");
  object.String("channel", channel);
  if (members != nullptr) object.Json("members", *members);
  if (position != nullptr) {
    object.String("epoch", position->epoch())
        .Json("offset", absl::StrCat(position->offset()));
  }
  if (recovered.has_value()) {
    object.Json("recovered", *recovered ? "true" : "false");
  }
  return object.Frame();
}

FrameBytes NativeDialect::SubscriptionError(absl::string_view channel,
                                            absl::string_view error,
                                            absl::string_view code) const {
  return ObjectWriter("subscription_error")
      .String("channel", channel)
      .String("error", error)
      .String("code", code)
      .Frame();
}

FrameBytes NativeDialect::Unsubscribed(absl::string_view channel,
                                       absl::string_view reason) const {
  ObjectWriter object("unsubscribed");
  object.String("channel", channel);
  if (!reason.empty()) object.String("reason", reason);
  return object.Frame();
}

FrameBytes NativeDialect::Event(
    const link::v1::Publication& publication) const {
  ObjectWriter object("event");
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
  return object.Frame();
}

FrameBytes NativeDialect::MemberAdded(absl::string_view channel,
                                      absl::string_view user_id,
                                      absl::string_view user_info) const {
  return ObjectWriter("member_added")
      .String("channel", channel)
      .String("user_id", user_id)
      .Json("user_info", user_info)
      .Frame();
}

FrameBytes NativeDialect::MemberRemoved(absl::string_view channel,
                                        absl::string_view user_id) const {
  return ObjectWriter("member_removed")
      .String("channel", channel)
      .String("user_id", user_id)
      .Frame();
}

FrameBytes NativeDialect::Pong() const { return ObjectWriter("pong").Frame(); }

FrameBytes NativeDialect::Error(absl::string_view message) const {
  return ObjectWriter("error").String("message", message).Frame();
}

CloseFrame NativeDialect::Close(CloseReason why) const {
  switch (why) {
    case CloseReason::kNormal:
      return {1000, ""};
    case CloseReason::kGoingAway:
      return {1001, "shutting down"};
    case CloseReason::kProtocolError:
      return {1002, "the WebSocket protocol was broken"};
    case CloseReason::kBinary:
      return {1003, "binary messages are not understood"};
    case CloseReason::kBadUtf8:
      return {1007, "a text message is not UTF-8"};
    case CloseReason::kTooLarge:
      return {1009, "a message is too large"};
    case CloseReason::kPolicy:
      return {1008, "a rule was broken"};
    case CloseReason::kOverloaded:
      return {1013, "the gateway is overloaded; try again later"};
    case CloseReason::kSlow:
      return {4001, "messages were not read in time"};
    case CloseReason::kNoHeartbeat:
      return {4002, "no sign of life"};
    case CloseReason::kDisconnected:
      return {4003, "disconnected by the backend"};
  }
  return {1000, ""};
}

std::string NativeDialect::GoingAway(absl::Duration delay) const {
  return absl::StrCat("shutting down, come back in ",
                      absl::ToInt64Milliseconds(delay), " ms");
}

}  // namespace herald::gateway
