// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/closing.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/end_to_end/chaos/failure.h"
#include "tests/support/backend.h"

namespace herald::chaos {
namespace {

constexpr Milliseconds kPatience = 3 * testing_support::kPatience;
constexpr Milliseconds kLookPause(50);
// All must be well for so long before it counts as settled: a link that was
// held up may still end a moment later.
constexpr Milliseconds kCalm(1'500);
constexpr int64_t kLastPublisher = 900;
constexpr int kLastCount = 3;  // Messages to each channel.

// More than gateway and kernel keep for a client that does not read.
constexpr int64_t kFeedBytes = 8 << 20;

}  // namespace

Closing::Closing(const Cast& cast)
    : cast_(cast),
      stub_(v1::BroadcastService::NewStub(
          testing_support::MakeChannel(cast.world->service_address()))) {}

void Closing::Run() {
  Heal();
  Settle();
  AwaitRules();
  PublishFeed();
  PublishLast();
  AwaitLast();
  CheckPresence();
  CheckChannels();
  CheckCounts();
  LeaveAll();
  EndServers();
  cast_.order->Check(
      [this](MessageId id) { return cast_.ledger->MayCountTwice(id); });
  cast_.ledger->Judge();
}

void Closing::Await(const std::string& what, absl::FunctionRef<Lack()> lack) {
  cast_.log->Add("nemesis", absl::StrCat("(the round) waits until ", what));
  Clock::time_point next = {};
  Lack last;
  const auto is_so = [&] {
    if (Clock::now() < next) return false;
    last = lack();
    next = Clock::now() + kLookPause;
    return !last.has_value();
  };
  if (cast_.loop->RunUntil(is_so, kPatience)) return;
  throw Failure(last->who(), last->channel(),
                absl::StrCat("not within ", kPatience.count(), " ms: ", what,
                             "; ", last->what()));
}

template <typename Request, typename Response>
Response Closing::Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                    const Request&, Response*),
                       const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       testing_support::kPatience);
  Response response;
  const grpc::Status status =
      (stub_.get()->*method)(&context, request, &response);
  if (!status.ok()) {
    Fail(request.GetTypeName(), " {", request.ShortDebugString(),
         "} is answered with ", static_cast<int>(status.error_code()), ", ",
         status.error_message(), ", when all is well again");
  }
  return response;
}

// --- Back to normal ----------------------------------------------------------

void Closing::Heal() {
  cast_.nemesis->Heal();
  Await("all processes are up", [&]() -> Lack {
    if (cast_.nemesis->is_over()) return std::nullopt;
    return Failure("", "", "one does not end");
  });
  std::optional<Clock::time_point> since;
  Await("all are ready, and stay so", [&]() -> Lack {
    if (!cast_.world->IsReady()) {
      since.reset();
    } else if (!since.has_value()) {
      since = Clock::now();
    } else if (Clock::now() - *since >= kCalm) {
      return std::nullopt;
    }
    return Failure("", "", "see their logs");
  });
}

void Closing::Settle() {
  for (const auto& publisher : *cast_.publishers) publisher->Finish();
  for (const auto& watcher : *cast_.watchers) watcher->Settle();
  for (const auto& client : *cast_.clients) client->Settle();
  for (const auto& publisher : *cast_.publishers) {
    Await(absl::StrCat(publisher->name(), " is answered"), [&]() -> Lack {
      if (publisher->is_done()) return std::nullopt;
      return Failure(publisher->name(), "", publisher->WhatIsMissing());
    });
    publisher->Check();
  }
  for (const auto& watcher : *cast_.watchers) {
    Await(absl::StrCat(watcher->name(), " is subscribed"), [&]() -> Lack {
      if (watcher->is_settled()) return std::nullopt;
      return Failure(watcher->name(), "", "it is not");
    });
  }
  for (const auto& client : *cast_.clients) {
    if (client->is_settled()) continue;
    Await(absl::StrCat(client->name(), " is subscribed"), [&]() -> Lack {
      if (client->is_settled()) return std::nullopt;
      return Failure(client->name(), "", client->WhatIsMissing());
    });
  }
}

// A signal takes some time to arrive.
void Closing::AwaitRules() {
  for (const Channel& channel : cast_.plan->channels) {
    if (!channel.rules_change) continue;
    v1::GetHistoryRequest request;
    request.set_channel(channel.name);
    Await(absl::StrCat(channel.name, " has a history again"), [&]() -> Lack {
      grpc::ClientContext context;
      v1::GetHistoryResponse response;
      const grpc::Status status =
          stub_->GetHistory(&context, request, &response);
      if (status.ok()) return std::nullopt;
      return Failure("", channel.name, status.error_message());
    });
  }
}

// Has the slow clients lag behind, for the last messages must reach them all
// the same.
void Closing::PublishFeed() {
  for (const auto& client : *cast_.clients) {
    if (client->is_slow()) client->Pause();
  }
  MessageId id{kFeedEnd - 1, 0};
  std::vector<std::string> channels;
  for (const size_t place : DroppingChannelsOf(*cast_.plan)) {
    channels.push_back(cast_.plan->channels[place].name);
  }
  int64_t bytes = 0;
  while (!channels.empty() && bytes < kFeedBytes) {
    ++id.number;
    cast_.ledger->Publish(id, channels);
    const int64_t lives = cast_.world->service().ends_done();
    cast_.ledger->BeginAttempt(id, lives);
    const std::string data = DataOf(id);
    Call(&Stub::Broadcast, testing_support::MakeBroadcast(channels, "e", data));
    cast_.ledger->EndAttempt(id, lives);
    bytes += static_cast<int64_t>(data.size() * channels.size());
    // The others read meanwhile.
    cast_.loop->io().poll();
  }
}

void Closing::PublishLast() {
  MessageId id{kLastPublisher, 0};
  for (int i = 0; i < kLastCount; ++i) {
    for (const Channel& channel : cast_.plan->channels) {
      ++id.number;
      cast_.ledger->Publish(id, {channel.name});
      const int64_t lives = cast_.world->service().ends_done();
      cast_.ledger->BeginAttempt(id, lives);
      const auto response =
          Call(&Stub::Broadcast,
               testing_support::MakeBroadcast({channel.name}, "e", DataOf(id)));
      cast_.ledger->EndAttempt(id, lives);
      const v1::Receipt& receipt = response.receipts(0);
      std::optional<Position> where;
      if (!receipt.epoch().empty()) {
        where = {receipt.epoch(), receipt.offset()};
      }
      cast_.ledger->Acknowledge(id, channel, where);
      last_[channel.name] = {id, where};
      if (receipt.subscribers() == SubscriberCount(channel.name)) continue;
      throw Failure("", channel.name,
                    absl::StrCat(channel.name, ": the receipt has ",
                                 receipt.subscribers(), " subscribers, and ",
                                 SubscriberCount(channel.name), " are"));
    }
  }
}

void Closing::ForEachView(
    absl::FunctionRef<void(const std::string&, const ChannelView&)> look) {
  for (const auto& client : *cast_.clients) {
    for (const Client::Follow& follow : client->follows()) {
      if (follow.view.active()) look(client->name(), follow.view);
    }
  }
  for (const auto& watcher : *cast_.watchers) {
    watcher->Look(
        [&](const ChannelView& view) { look(watcher->name(), view); });
  }
}

Closing::Lack Closing::ViewWithoutLast() {
  Lack lack;
  ForEachView([&](const std::string& name, const ChannelView& view) {
    const std::string& channel = view.channel().name;
    const Last& last = last_[channel];
    // With little memory, a new history may have begun behind the last event.
    const bool has_place =
        last.where.has_value() && cast_.plan->history_memory == 0;
    if (view.latest() == last.id &&
        (!has_place || view.position() == last.where)) {
      return;
    }
    std::string what = absl::StrCat(name, " on ", channel, " has not received ",
                                    ToString(last.id));
    if (last.where.has_value()) {
      absl::StrAppend(&what, ", which is ", ToString(*last.where),
                      ", and is at ",
                      ToString(view.position().value_or(Position{})));
    }
    lack.emplace(name, channel, what);
  });
  return lack;
}

void Closing::AwaitLast() {
  for (const auto& client : *cast_.clients) {
    if (client->is_slow()) client->Resume();
  }
  Await("all listeners have received the last message of each channel",
        [&] { return ViewWithoutLast(); });
}

// --- Queries -----------------------------------------------------------------

int64_t Closing::SubscriberCount(const std::string& channel) const {
  int64_t count = 0;
  for (const auto& client : *cast_.clients) {
    for (const Client::Follow& follow : client->follows()) {
      count += follow.view.channel().name == channel && follow.view.active();
    }
  }
  return count;
}

Closing::Lack Closing::OfAnyChannel(
    absl::FunctionRef<Lack(const Channel&)> lack) {
  for (const Channel& channel : cast_.plan->channels) {
    if (Lack one = lack(channel)) return one;
  }
  return std::nullopt;
}

Closing::Lack Closing::PresenceLack(const Channel& channel) {
  if (!channel.is_presence) return std::nullopt;
  std::map<std::string, std::set<std::string>> truth;  // Sockets, by user.
  for (const auto& client : *cast_.clients) {
    for (const Client::Follow& follow : client->follows()) {
      if (follow.view.channel().name != channel.name) continue;
      if (!follow.view.active()) continue;
      truth[client->user()].insert(client->socket_id());
    }
  }
  v1::GetMembersRequest request;
  request.set_channel(channel.name);
  const auto answer = Call(&Stub::GetMembers, request);
  std::map<std::string, std::set<std::string>> answered;
  for (const v1::PresentMember& member : answer.members()) {
    answered[member.user_id()].insert(member.socket_ids().begin(),
                                      member.socket_ids().end());
  }
  const auto text = [](const auto& members) {
    return absl::StrJoin(members, ", ", [](std::string* out, const auto& one) {
      absl::StrAppend(out, one.first, " (", absl::StrJoin(one.second, " "),
                      ")");
    });
  };
  if (answered != truth) {
    return Failure(
        "", channel.name,
        absl::StrCat(channel.name, ": GetMembers returns ", text(answered),
                     "; subscribed are ", text(truth)));
  }
  std::set<std::string> users;
  for (const auto& [user, sockets] : truth) users.insert(user);
  Lack lack;
  ForEachView([&](const std::string& name, const ChannelView& view) {
    if (view.channel().name != channel.name || view.members() == users) return;
    lack.emplace(name, channel.name,
                 absl::StrCat(name, " on ", channel.name, " has the members ",
                              absl::StrJoin(view.members(), " "),
                              "; present are ", absl::StrJoin(users, " ")));
  });
  return lack;
}

void Closing::CheckPresence() {
  Await("presence is what is true", [&] {
    return OfAnyChannel(
        [&](const Channel& channel) { return PresenceLack(channel); });
  });
}

Closing::Lack Closing::ChannelLack(const Channel& channel) {
  v1::GetChannelRequest request;
  request.set_channel(channel.name);
  const v1::Channel answered = Call(&Stub::GetChannel, request).channel();
  const int64_t subscribers = SubscriberCount(channel.name);
  Position end{answered.epoch(), answered.offset()};
  const Position last = last_[channel.name].where.value_or(Position{});
  // Events of other channels may have taken its memory since.
  if (cast_.plan->history_memory > 0) end = last;
  if (answered.subscriber_count() == subscribers && end == last) {
    return std::nullopt;
  }
  return Failure("", channel.name,
                 absl::StrCat(channel.name, ": GetChannel returns ",
                              answered.subscriber_count(), " subscribers and ",
                              ToString(end), "; there are ", subscribers,
                              ", and the last receipt was ", ToString(last)));
}

void Closing::CheckChannels() {
  Await("channels are what is true", [&] {
    return OfAnyChannel(
        [&](const Channel& channel) { return ChannelLack(channel); });
  });
  for (const Channel& channel : cast_.plan->channels) {
    if (!channel.keeps_history()) continue;
    const Position end = *last_[channel.name].where;
    cast_.ledger->CheckComplete(channel.name, end);
    if (cast_.plan->history_memory > 0) continue;
    if (channel.rules_change) continue;  // It has more epochs, and less there.
    cast_.ledger->CheckEpochs(channel.name,
                              cast_.world->service().ends_done() + 1);
    CheckHistory(channel, end);
  }
}

// All that is remembered, page by page.
void Closing::CheckHistory(const Channel& channel, const Position& end) {
  const int64_t first =
      std::max<int64_t>(1, end.offset - channel.history_size + 1);
  v1::GetHistoryRequest request;
  request.set_channel(channel.name);
  int64_t expected = first;
  while (expected <= end.offset) {
    const auto page = Call(&Stub::GetHistory, request);
    if (page.epoch() != end.epoch || page.offset() != end.offset ||
        page.messages().empty()) {
      Fail(channel.name, ": GetHistory returns ", page.messages_size(),
           " messages and ", ToString(Position{page.epoch(), page.offset()}),
           "; the end is ", ToString(end));
    }
    for (const v1::Event& event : page.messages()) {
      if (event.offset() != expected) {
        Fail(channel.name, ": GetHistory has ", event.offset(),
             " in the place of ", expected, " of ", ToString(end));
      }
      cast_.ledger->Witness("GetHistory", channel.name, {end.epoch, expected++},
                            ParseData(event.data()));
    }
    request.mutable_since()->set_epoch(end.epoch);
    request.mutable_since()->set_offset(expected - 1);
  }
}

Closing::Lack Closing::CountLack(int64_t clients, int64_t subscriptions) {
  const auto stats = Call(&Stub::GetStats, v1::GetStatsRequest());
  const auto gateways = static_cast<int>(cast_.world->gateway_count());
  if (stats.client_count() == clients &&
      stats.subscription_count() == subscriptions &&
      stats.gateways_size() == gateways) {
    return std::nullopt;
  }
  return Failure(
      "", "",
      absl::StrCat("GetStats returns ", stats.client_count(), " clients, ",
                   stats.subscription_count(), " subscriptions, ",
                   stats.gateways_size(), " gateways; there are ", clients,
                   ", ", subscriptions, ", ", gateways));
}

void Closing::CheckCounts() {
  int64_t subscriptions = 0;
  for (const Channel& channel : cast_.plan->channels) {
    subscriptions += SubscriberCount(channel.name);
  }
  const auto clients = static_cast<int64_t>(cast_.clients->size());
  Await("counts are what is true",
        [&] { return CountLack(clients, subscriptions); });
}

// --- The end -----------------------------------------------------------------

void Closing::LeaveAll() {
  for (const auto& watcher : *cast_.watchers) watcher->Check();
  cast_.watchers->clear();
  for (const auto& client : *cast_.clients) client->Stop();
  Await("all clients have left", [&] { return CountLack(0, 0); });
  const auto left = Call(&Stub::ListChannels, v1::ListChannelsRequest());
  if (left.channels().empty()) return;
  Fail("all clients have left, and ListChannels returns ",
       left.ShortDebugString());
}

void Closing::EndServers() {
  const std::vector<Server*> servers = cast_.world->servers();
  // The gateways first, so that the service receives their goodbyes.
  for (auto server = servers.rbegin(); server != servers.rend(); ++server) {
    (*server)->Terminate();
    Await(absl::StrCat((*server)->name(), " has ended"), [&]() -> Lack {
      if ((*server)->HasEnded()) return std::nullopt;
      return Failure("", "", "it has not");
    });
  }
}

}  // namespace herald::chaos
