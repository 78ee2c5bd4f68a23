// SPDX-License-Identifier: Apache-2.0

#include "clients/cli/commands.h"

#include <cstdio>
#include <iostream>

#include "absl/flags/flag.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "clients/cli/arguments.h"
#include "clients/cli/json.h"
#include "clients/cli/message_lines.h"
#include "clients/cli/retry_notice.h"
#include "clients/cli/table.h"
#include "herald/client/control.h"
#include "herald/client/publisher.h"
#include "proto/contract/limits.h"

namespace herald::cli {
namespace {

using client::Control;
using client::Publisher;

constexpr absl::string_view kUsageErrorUrl = "herald.cli/usage";

void PrintLine(const std::string& text) { std::cout << text << std::endl; }

// The service, for one command.
struct ServiceClient {
  explicit ServiceClient(const CommandContext& context)
      : notice(context),
        control({.target = context.address,
                 .api_token = context.token,
                 .deadline = context.timeout,
                 .on_retry = notice.callback()}) {}

  RetryNotice notice;
  Control control;
};

// DATA, or standard input if it is "-". One byte over the limit is enough for
// the service to refuse it.
absl::StatusOr<std::string> ReadData(const std::string& word) {
  if (word != "-") return word;
  const auto bytes_max = static_cast<size_t>(contract::kPayloadBytesLimit) + 1;
  std::string data(bytes_max, '\0');
  data.resize(std::fread(data.data(), 1, bytes_max, stdin));
  if (std::ferror(stdin) != 0) {
    return UsageError("standard input cannot be read");
  }
  return data;
}

std::string ReceiptJson(const client::Receipt& receipt) {
  JsonObject object;
  object.Add("channel", receipt.channel)
      .Add("subscribers", receipt.subscribers);
  if (!receipt.epoch.empty()) {
    object.Add("epoch", receipt.epoch).Add("offset", receipt.offset);
  }
  return object.str();
}

// With the events' places, if any of the channels has a history.
void PrintReceipts(const std::vector<client::Receipt>& receipts) {
  std::vector<std::vector<std::string>> rows;
  bool any_place = false;
  for (const client::Receipt& receipt : receipts) {
    const bool place = !receipt.epoch.empty();
    any_place |= place;
    rows.push_back({Printable(receipt.channel),
                    absl::StrCat(receipt.subscribers),
                    place ? Place(receipt.epoch, receipt.offset) : "-"});
  }
  std::vector<std::string> headings = {"CHANNEL", "#SUBSCRIBERS", "PLACE"};
  if (!any_place) {
    headings.pop_back();
    for (std::vector<std::string>& row : rows) row.pop_back();
  }
  std::cout << FormatTable(headings, rows);
}

absl::Status RunBroadcast(const CommandContext& context) {
  if (context.words.size() != 3) {
    return UsageError("broadcast needs CHANNEL, EVENT and DATA");
  }
  absl::StatusOr<std::string> data = ReadData(context.words[2]);
  if (!data.ok()) return data.status();
  RetryNotice notice(context);
  Publisher publisher({.target = context.address,
                       .api_token = context.token,
                       .deadline = context.timeout,
                       .on_retry = notice.callback()});
  auto receipts = publisher.Broadcast(
      client::OutgoingEvent{.channels = absl::StrSplit(context.words[0], ','),
                            .event = context.words[1],
                            .data = *std::move(data),
                            .except_socket_id = absl::GetFlag(FLAGS_except),
                            .idempotency_key = absl::GetFlag(FLAGS_key)});
  if (!receipts.ok()) return receipts.status();

  if (context.json) {
    std::vector<std::string> objects;
    for (const client::Receipt& receipt : *receipts) {
      objects.push_back(ReceiptJson(receipt));
    }
    PrintLine(JsonObject().AddJson("receipts", JsonArray(objects)).str());
  } else {
    PrintReceipts(*receipts);
  }
  return absl::OkStatus();
}

std::string MemberJson(const v1::PresentMember& member) {
  std::vector<std::string> sockets;
  for (const std::string& socket : member.socket_ids()) {
    sockets.push_back(JsonString(socket));
  }
  return JsonObject()
      .Add("user_id", member.user_id())
      .AddJson("user_info", JsonText(member.user_info()))
      .AddJson("socket_ids", JsonArray(sockets))
      .str();
}

absl::Status RunMembers(const CommandContext& context) {
  if (context.words.size() != 1) return UsageError("members needs one CHANNEL");
  ServiceClient service(context);
  auto members = service.control.GetMembers(context.words[0]);
  if (!members.ok()) return members.status();

  std::vector<std::string> objects;
  std::vector<std::vector<std::string>> rows;
  for (const v1::PresentMember& member : *members) {
    objects.push_back(MemberJson(member));
    rows.push_back({Printable(member.user_id()), Printable(member.user_info()),
                    Printable(absl::StrJoin(member.socket_ids(), " "))});
  }
  if (context.json) {
    PrintLine(JsonObject().AddJson("members", JsonArray(objects)).str());
  } else if (rows.empty()) {
    PrintLine("no members");
  } else {
    std::cout << FormatTable({"USER", "INFO", "SOCKETS"}, rows);
  }
  return absl::OkStatus();
}

absl::string_view TypeName(v1::ChannelType type) {
  switch (type) {
    case v1::CHANNEL_TYPE_PUBLIC:
      return "public";
    case v1::CHANNEL_TYPE_PRIVATE:
      return "private";
    case v1::CHANNEL_TYPE_PRESENCE:
      return "presence";
    default:
      return "unknown";
  }
}

absl::Status RunChannels(const CommandContext& context) {
  if (!context.words.empty()) {
    return UsageError("channels takes no arguments; did you mean --prefix?");
  }
  ServiceClient service(context);
  auto channels = service.control.ListChannels(absl::GetFlag(FLAGS_prefix));
  if (!channels.ok()) return channels.status();

  std::vector<std::string> objects;
  std::vector<std::vector<std::string>> rows;
  for (const v1::Channel& channel : *channels) {
    objects.push_back(JsonObject()
                          .Add("name", channel.name())
                          .Add("type", TypeName(channel.type()))
                          .Add("subscriber_count", channel.subscriber_count())
                          .Add("member_count", channel.member_count())
                          .str());
    const bool presence = channel.type() == v1::CHANNEL_TYPE_PRESENCE;
    rows.push_back({Printable(channel.name()),
                    std::string(TypeName(channel.type())),
                    absl::StrCat(channel.subscriber_count()),
                    presence ? absl::StrCat(channel.member_count()) : "-"});
  }
  if (context.json) {
    PrintLine(JsonObject().AddJson("channels", JsonArray(objects)).str());
  } else if (rows.empty()) {
    PrintLine("no channels");
  } else {
    std::cout << FormatTable({"CHANNEL", "TYPE", "#SUBSCRIBERS", "#MEMBERS"},
                             rows);
  }
  return absl::OkStatus();
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) +
         absl::Nanoseconds(timestamp.nanos());
}

std::string Iso(const google::protobuf::Timestamp& timestamp) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", ToTime(timestamp),
                          absl::UTCTimeZone());
}

// The age by this machine's clock, to the second; 0 if the service's clock is
// ahead.
std::string Age(const google::protobuf::Timestamp& timestamp) {
  const absl::Duration age =
      std::max(absl::Now() - ToTime(timestamp), absl::ZeroDuration());
  return absl::FormatDuration(absl::Trunc(age, absl::Seconds(1)));
}

void PrintStatsJson(const v1::GetStatsResponse& stats) {
  std::vector<std::string> gateways;
  for (const v1::Gateway& gateway : stats.gateways()) {
    gateways.push_back(
        JsonObject()
            .Add("id", gateway.id())
            .Add("client_count", gateway.client_count())
            .Add("subscription_count", gateway.subscription_count())
            .Add("attach_time", Iso(gateway.attach_time()))
            .Add("version", gateway.version())
            .str());
  }
  PrintLine(JsonObject()
                .Add("client_count", stats.client_count())
                .Add("channel_count", stats.channel_count())
                .Add("subscription_count", stats.subscription_count())
                .AddJson("gateways", JsonArray(gateways))
                .Add("version", stats.version())
                .Add("start_time", Iso(stats.start_time()))
                .str());
}

void PrintStatsTable(const v1::GetStatsResponse& stats) {
  std::cout << FormatTable(
      {"VERSION", "UP", "#CLIENTS", "#CHANNELS", "#SUBSCRIPTIONS", "#GATEWAYS"},
      {{Printable(stats.version()), Age(stats.start_time()),
        absl::StrCat(stats.client_count()), absl::StrCat(stats.channel_count()),
        absl::StrCat(stats.subscription_count()),
        absl::StrCat(stats.gateways_size())}});
  if (stats.gateways().empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const v1::Gateway& gateway : stats.gateways()) {
    rows.push_back({Printable(gateway.id()), Printable(gateway.version()),
                    Age(gateway.attach_time()),
                    absl::StrCat(gateway.client_count()),
                    absl::StrCat(gateway.subscription_count())});
  }
  std::cout << "\n"
            << FormatTable({"GATEWAY", "VERSION", "ATTACHED", "#CLIENTS",
                            "#SUBSCRIPTIONS"},
                           rows);
}

absl::Status RunStats(const CommandContext& context) {
  if (!context.words.empty()) return UsageError("stats takes no arguments");
  ServiceClient service(context);
  auto stats = service.control.GetStats();
  if (!stats.ok()) return stats.status();
  if (context.json) {
    PrintStatsJson(*stats);
  } else {
    PrintStatsTable(*stats);
  }
  return absl::OkStatus();
}

absl::Status RunDisconnect(const CommandContext& context) {
  const std::string socket = absl::GetFlag(FLAGS_socket);
  const std::string user = absl::GetFlag(FLAGS_user);
  if (!context.words.empty() || socket.empty() == user.empty()) {
    return UsageError("disconnect needs either --socket ID or --user ID");
  }
  ServiceClient service(context);
  const std::string reason = absl::GetFlag(FLAGS_reason);
  auto count = socket.empty()
                   ? service.control.DisconnectUser(user, reason)
                   : service.control.DisconnectSocket(socket, reason);
  if (!count.ok()) return count.status();
  if (context.json) {
    PrintLine(JsonObject().Add("disconnected_count", *count).str());
  } else {
    PrintLine(absl::StrCat("closed ", *count,
                           *count == 1 ? " connection" : " connections"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsageErrorUrl, absl::Cord("1"));
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsageErrorUrl).has_value();
}

const std::vector<Command>& Commands() {
  static const auto* const commands = new std::vector<Command>{
      {"broadcast", {"timeout", "except", "key"}, RunBroadcast},
      {"watch", {"timeout"}, RunWatch},
      {"history", {"timeout", "since", "limit"}, RunHistory},
      {"members", {"timeout"}, RunMembers},
      {"channels", {"timeout", "prefix"}, RunChannels},
      {"stats", {"timeout"}, RunStats},
      {"disconnect", {"timeout", "socket", "user", "reason"}, RunDisconnect},
      {"dev",
       {"examples", "data", "chat", "authorizer"},
       RunDev,
       /*dials=*/false},
  };
  return *commands;
}

}  // namespace herald::cli
