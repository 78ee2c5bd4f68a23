// SPDX-License-Identifier: Apache-2.0
//
// What a peer hears, as short lines that a test can compare:
//
//   "subscribed 1"                    "subscribed 2 ada [ada bob]"
//   "refused 7 UNAUTHORIZED: why"     "news: tick 42"
//   "presence-x: +ada"                "presence-x: -ada"
//   "presence-x: [ada bob]"           "settled"

#ifndef HERALD_TESTS_SERVICE_CORE_FRAME_TEXT_H_
#define HERALD_TESTS_SERVICE_CORE_FRAME_TEXT_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/server_message.pb.h"

namespace herald::core {

// The ids of members, in brackets.
template <typename Members>
std::string TextOfMembers(const Members& members) {
  return absl::StrCat("[",
                      absl::StrJoin(members, " ",
                                    [](std::string* out, const auto& member) {
                                      absl::StrAppend(out, member.user_id());
                                    }),
                      "]");
}

// The part of an enum value's name behind its prefix.
inline std::string ShortName(absl::string_view name, absl::string_view prefix) {
  return std::string(absl::StripPrefix(name, prefix));
}

// An event, on a link or in a Watch.
template <typename Event>
std::string TextOfEvent(const Event& event) {
  return absl::StrCat(
      event.channel(), ": ", event.event(), " ", event.data(),
      event.whisper() ? absl::StrCat(" whispered ", event.user_id()) : "");
}

inline std::string TextOf(const link::v1::Subscribed& yes) {
  std::string text = absl::StrCat("subscribed ", yes.ticket());
  if (yes.has_member()) absl::StrAppend(&text, " ", yes.member().user_id());
  if (yes.has_roster()) {
    absl::StrAppend(&text, " ", TextOfMembers(yes.roster().members()));
  }
  return text;
}

inline std::string TextOf(const link::v1::Call& call) {
  using Call = link::v1::Call;
  switch (call.call_case()) {
    case Call::kSubscribe:
      return absl::StrCat("call subscribe ", call.subscribe().socket_id(), " ",
                          call.subscribe().channel());
    case Call::kUnsubscribe:
      return absl::StrCat("call unsubscribe ", call.unsubscribe().socket_id(),
                          " ", call.unsubscribe().channel());
    case Call::kDisconnect:
      return absl::StrCat("call disconnect ", call.disconnect().socket_id(),
                          call.disconnect().user_id());
    default:
      return "call";
  }
}

inline std::string TextOf(const link::v1::ServiceItem& item) {
  using Item = link::v1::ServiceItem;
  switch (item.item_case()) {
    case Item::kSettings:
      return "settings";
    case Item::kSettled:
      return "settled";
    case Item::kSubscribed:
      return TextOf(item.subscribed());
    case Item::kRefused:
      return absl::StrCat(
          "refused ", item.refused().ticket(), " ",
          ShortName(link::v1::Refused::Code_Name(item.refused().code()),
                    "CODE_"),
          ": ", item.refused().reason());
    case Item::kPublication:
      return TextOfEvent(item.publication());
    case Item::kMemberAdded:
      return absl::StrCat(item.member_added().channel(), ": +",
                          item.member_added().user_id());
    case Item::kMemberRemoved:
      return absl::StrCat(item.member_removed().channel(), ": -",
                          item.member_removed().user_id());
    case Item::kRoster:
      return absl::StrCat(item.roster().channel(), ": ",
                          TextOfMembers(item.roster().members()));
    case Item::kRenewed:
      return absl::StrCat(
          "renewed ", item.renewed().ticket(), " ",
          ShortName(link::v1::Renewed::Outcome_Name(item.renewed().outcome()),
                    "OUTCOME_"),
          ": ", item.renewed().reason());
    case Item::kRevocation:
      return absl::StrCat("revoke ", item.revocation().socket_id(),
                          item.revocation().user_id(), " ",
                          item.revocation().channel());
    case Item::kCall:
      return TextOf(item.call());
    case Item::kRenewAll:
      return "renew all";
    default:
      return "nothing";
  }
}

inline std::string TextOf(const v1::ServerMessage& message) {
  using Message = v1::ServerMessage;
  switch (message.message_case()) {
    case Message::kConnected:
      return absl::StrCat("connected", message.connected().socket_id());
    case Message::kSubscribed:
      return absl::StrCat("subscribed ", message.subscribed().channel(), " ",
                          TextOfMembers(message.subscribed().members()));
    case Message::kEvent:
      return TextOfEvent(message.event());
    case Message::kMemberAdded:
      return absl::StrCat(message.member_added().channel(), ": +",
                          message.member_added().user_id());
    case Message::kMemberRemoved:
      return absl::StrCat(message.member_removed().channel(), ": -",
                          message.member_removed().user_id());
    default:
      return "nothing";
  }
}

template <typename Message>
std::vector<std::string> TextsOf(const std::vector<Message>& messages) {
  std::vector<std::string> texts;
  for (const Message& message : messages) texts.push_back(TextOf(message));
  return texts;
}

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_FRAME_TEXT_H_
