// SPDX-License-Identifier: Apache-2.0

#include "clients/cli/message_lines.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/cli/json.h"
#include "clients/cli/table.h"
#include "proto/contract/names.h"

namespace herald::cli {
namespace {

JsonObject Object(absl::string_view type, absl::string_view channel) {
  JsonObject object;
  object.Add("type", type).Add("channel", channel);
  return object;
}

std::string MemberJson(const v1::Member& member) {
  return JsonObject()
      .Add("user_id", member.user_id())
      .AddJson("user_info", JsonText(member.user_info()))
      .str();
}

std::string Json(const v1::Subscribed& subscribed) {
  JsonObject object = Object("subscribed", subscribed.channel());
  if (contract::TypeOfChannel(subscribed.channel()) ==
      contract::ChannelType::kPresence) {
    std::vector<std::string> members;
    for (const auto& member : subscribed.members()) {
      members.push_back(MemberJson(member));
    }
    object.AddJson("members", JsonArray(members));
  }
  if (!subscribed.epoch().empty()) {
    object.Add("epoch", subscribed.epoch()).Add("offset", subscribed.offset());
  }
  if (subscribed.has_recovered()) {
    object.AddJson("recovered", subscribed.recovered() ? "true" : "false");
  }
  return object.str();
}

std::string Json(const v1::Unsubscribed& unsubscribed) {
  JsonObject object = Object("unsubscribed", unsubscribed.channel());
  if (!unsubscribed.reason().empty()) {
    object.Add("reason", unsubscribed.reason());
  }
  return object.str();
}

std::string Json(const v1::Error& error) {
  JsonObject object;
  object.Add("type", "error").Add("message", error.message());
  if (!error.channel().empty()) object.Add("channel", error.channel());
  if (!error.code().empty()) object.Add("code", error.code());
  return object.str();
}

std::string Json(const v1::Event& event) {
  JsonObject object = Object("event", event.channel());
  object.Add("event", event.event()).AddJson("data", JsonText(event.data()));
  if (event.whisper()) object.AddJson("whisper", "true");
  if (!event.user_id().empty()) object.Add("user_id", event.user_id());
  if (event.offset() > 0) object.Add("offset", event.offset());
  return object.str();
}

// Columns: the kind, then its details.
std::string Columns(absl::string_view kind,
                    const std::vector<std::string>& texts) {
  std::string line = absl::StrFormat("%-14s", kind);
  for (const std::string& text : texts) {
    absl::StrAppend(&line, "  ", Printable(text));
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Readable(const v1::Subscribed& subscribed) {
  std::vector<std::string> texts = {subscribed.channel()};
  if (!subscribed.members().empty()) {
    texts.push_back(absl::StrCat(
        subscribed.members_size(), " present: ",
        absl::StrJoin(subscribed.members(), ", ",
                      [](std::string* out, const v1::Member& member) {
                        absl::StrAppend(out, member.user_id());
                      })));
  }
  if (!subscribed.epoch().empty()) {
    texts.push_back(absl::StrCat("at ",
                                 Place(subscribed.epoch(), subscribed.offset()),
                                 subscribed.recovered() ? ", recovered" : ""));
  }
  return Columns("subscribed", texts);
}

std::string Readable(const v1::Event& event) {
  std::vector<std::string> texts = {event.channel()};
  if (event.offset() > 0) texts.push_back(absl::StrCat("#", event.offset()));
  texts.insert(texts.end(), {event.event(), event.data()});
  if (event.whisper()) {
    texts.push_back(event.user_id().empty()
                        ? "(whisper)"
                        : absl::StrCat("(whisper of ", event.user_id(), ")"));
  }
  return Columns("event", texts);
}

}  // namespace

std::string JsonLine(const v1::ServerMessage& message) {
  switch (message.message_case()) {
    case v1::ServerMessage::kConnected:
      return JsonObject()
          .Add("type", "connected")
          .Add("socket_id", message.connected().socket_id())
          .str();
    case v1::ServerMessage::kSubscribed:
      return Json(message.subscribed());
    case v1::ServerMessage::kSubscriptionError: {
      const auto& error = message.subscription_error();
      return Object("subscription_error", error.channel())
          .Add("error", error.error())
          .Add("code", error.code())
          .str();
    }
    case v1::ServerMessage::kUnsubscribed:
      return Json(message.unsubscribed());
    case v1::ServerMessage::kEvent:
      return Json(message.event());
    case v1::ServerMessage::kMemberAdded:
      return Object("member_added", message.member_added().channel())
          .Add("user_id", message.member_added().user_id())
          .AddJson("user_info", JsonText(message.member_added().user_info()))
          .str();
    case v1::ServerMessage::kMemberRemoved:
      return Object("member_removed", message.member_removed().channel())
          .Add("user_id", message.member_removed().user_id())
          .str();
    case v1::ServerMessage::kPong:
      return JsonObject().Add("type", "pong").str();
    case v1::ServerMessage::kError:
      return Json(message.error());
    case v1::ServerMessage::MESSAGE_NOT_SET:
      break;
  }
  return "";
}

std::string ReadableLine(const v1::ServerMessage& message) {
  switch (message.message_case()) {
    case v1::ServerMessage::kConnected:
      return Columns("connected", {});
    case v1::ServerMessage::kSubscribed:
      return Readable(message.subscribed());
    case v1::ServerMessage::kSubscriptionError: {
      const auto& error = message.subscription_error();
      return Columns("refused", {error.channel(), error.code(), error.error()});
    }
    case v1::ServerMessage::kUnsubscribed:
      return Columns("unsubscribed", {message.unsubscribed().channel(),
                                      message.unsubscribed().reason()});
    case v1::ServerMessage::kEvent:
      return Readable(message.event());
    case v1::ServerMessage::kMemberAdded:
      return Columns("member_added", {message.member_added().channel(),
                                      message.member_added().user_id(),
                                      message.member_added().user_info()});
    case v1::ServerMessage::kMemberRemoved:
      return Columns("member_removed", {message.member_removed().channel(),
                                        message.member_removed().user_id()});
    case v1::ServerMessage::kPong:
      return Columns("pong", {});
    case v1::ServerMessage::kError:
      return Columns("error",
                     {message.error().channel(), message.error().code(),
                      message.error().message()});
    case v1::ServerMessage::MESSAGE_NOT_SET:
      break;
  }
  return "";
}

std::string Place(absl::string_view epoch, int64_t offset) {
  return absl::StrCat(Printable(epoch), ":", offset);
}

std::string HistoryJsonLine(absl::string_view epoch, const v1::Event& event) {
  return JsonObject()
      .Add("channel", event.channel())
      .Add("event", event.event())
      .AddJson("data", JsonText(event.data()))
      .Add("epoch", epoch)
      .Add("offset", event.offset())
      .str();
}

std::string HistoryReadableLine(absl::string_view epoch,
                                const v1::Event& event) {
  return absl::StrCat(Place(epoch, event.offset()), "  ",
                      Printable(event.event()), "  ", Printable(event.data()));
}

}  // namespace herald::cli
