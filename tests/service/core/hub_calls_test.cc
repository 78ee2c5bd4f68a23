// SPDX-License-Identifier: Apache-2.0
//
// The calls of backends beside Broadcast. The sources are api/commands.cc,
// queries.cc and watches.cc.

#include <algorithm>
#include <optional>

#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ACall : public SettledHub {
 protected:
  void Subscribe(const std::string& socket, const std::string& channel) {
    v1::SubscribeRequest request;
    request.set_socket_id(socket);
    request.set_channel(channel);
    hub_->Subscribe(request, [this](absl::Status s) { answer_ = s; });
  }
  void Disconnect(const v1::DisconnectRequest& request) {
    hub_->Disconnect(request, [this](auto result) {
      answer_ = result.status();
      if (result.ok()) count_ = result->disconnected_count();
    });
  }
  // The id of the call that a gateway has just received.
  static int64_t CallOf(FakeGateway& gateway) {
    for (const auto& item : gateway.Items()) {
      if (item.has_call()) return item.call().call_id();
    }
    ADD_FAILURE() << "no call";
    return 0;
  }
  static void Answer(FakeGateway& gateway, int64_t call, int code,
                     int64_t count = 0) {
    link::v1::GatewayItem item;
    item.mutable_call_result()->set_call_id(call);
    item.mutable_call_result()->set_code(code);
    item.mutable_call_result()->set_message("because");
    item.mutable_call_result()->set_disconnected_count(count);
    ASSERT_TRUE(gateway.Send(item).ok());
  }

  std::unique_ptr<FakeGateway> one_ = Attached(1);
  std::unique_ptr<FakeGateway> two_ = Attached(2);
  std::optional<absl::Status> answer_;
  int64_t count_ = -1;
};

TEST_F(ACall, GoesToTheGatewayThatTheSocketNames) {
  Subscribe("2.5", "news");
  EXPECT_THAT(one_->Received(), IsEmpty());
  const int64_t call = CallOf(*two_);
  EXPECT_FALSE(answer_.has_value());
  two_->Subscribe(1, "news", call);
  EXPECT_EQ(answer_, absl::OkStatus());
}

TEST_F(ACall, IsAnsweredWithWhyASubscribeWasRefused) {
  Subscribe("2.5", "private-x");
  two_->Subscribe(1, "private-x", CallOf(*two_));
  authorizer_.Answer({absl::PermissionDeniedError("not yours"), {}});
  EXPECT_EQ(answer_, absl::PermissionDeniedError("not yours"));
}

TEST_F(ACall, IsAnsweredAtOnceWhenItsSubscribeIsCancelled) {
  Subscribe("2.5", "private-x");
  two_->Subscribe(1, "private-x", CallOf(*two_));
  two_->Cancel(1);
  ASSERT_TRUE(answer_.has_value());
  EXPECT_TRUE(absl::IsNotFound(*answer_));
  authorizer_.Allow();
  EXPECT_THAT(two_->Received(), ElementsAre("no 1 CODE_CANCELLED"));
}

TEST_F(ACall, FindsNoGatewayForAnUnknownSocket) {
  Subscribe("3.5", "news");
  EXPECT_TRUE(absl::IsNotFound(*answer_));
  EXPECT_THAT(answer_->message(), HasSubstr("3.5"));
  Subscribe("nonsense", "news");
  EXPECT_TRUE(absl::IsInvalidArgument(*answer_));
  Subscribe("1.5", "#bad");
  EXPECT_TRUE(absl::IsInvalidArgument(*answer_));
  Subscribe("1.5", "news");
  Answer(*one_, CallOf(*one_), 5);
  EXPECT_EQ(answer_, absl::NotFoundError("because"));
}

TEST_F(ACall, FailsWhenTheGatewayDoesNotAnswerInTime) {
  v1::UnsubscribeRequest request;
  request.set_socket_id("1.5");
  request.set_channel("news");
  hub_->Unsubscribe(request, [this](absl::Status s) { answer_ = s; });
  timers_.Advance(absl::Milliseconds(999));
  EXPECT_FALSE(answer_.has_value());
  timers_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(absl::IsUnavailable(*answer_));
  Answer(*one_, CallOf(*one_), 0);  // Too late to matter.
}

TEST_F(ACall, FailsWhenItsGatewayIsLost) {
  Subscribe("1.5", "news");
  one_->Lose();
  EXPECT_TRUE(absl::IsUnavailable(*answer_));
}

TEST_F(ACall, OfASocketOfAGatewayThatIsAwayIsUnavailableForAMinute) {
  one_->Lose();
  Subscribe("1.5", "news");
  EXPECT_TRUE(absl::IsUnavailable(*answer_));
  EXPECT_THAT(answer_->message(), HasSubstr("1.5"));
  const FakeGateway attaching(hub_.get(), 1);
  Subscribe("1.5", "news");
  EXPECT_TRUE(absl::IsUnavailable(*answer_));
  two_->Lose();
  timers_.Advance(absl::Seconds(61));
  Subscribe("2.5", "news");
  EXPECT_TRUE(absl::IsUnavailable(*answer_)) << "it may come back";
  timers_.Advance(absl::Seconds(1));
  Subscribe("2.5", "news");
  EXPECT_TRUE(absl::IsNotFound(*answer_)) << "it is gone for good";
}

TEST_F(ACall, OfASocketOfAReturnedGatewayGoesThere) {
  one_->Lose();
  timers_.Advance(absl::Seconds(30));
  const auto back = Attached(1);
  timers_.Advance(absl::Seconds(60));
  Subscribe("1.5", "news");
  EXPECT_NE(CallOf(*back), 0);
}

TEST_F(ACall, OfASocketOfADrainedGatewayFindsNoSocket) {
  one_->Goodbye();
  one_->Lose();
  Subscribe("1.5", "news");
  EXPECT_TRUE(absl::IsNotFound(*answer_));
}

TEST_F(ACall, IsRefusedATokenThatIsTooLong) {
  v1::SubscribeRequest request;
  request.set_socket_id("1.5");
  request.set_channel("private-x");
  request.set_auth_token(std::string((16 << 10) + 1, 'x'));
  hub_->Subscribe(request, [this](absl::Status s) { answer_ = s; });
  EXPECT_TRUE(absl::IsInvalidArgument(*answer_));
  EXPECT_THAT(answer_->message(), HasSubstr("16385"));
  EXPECT_THAT(one_->Received(), IsEmpty());

  answer_.reset();
  request.mutable_auth_token()->pop_back();
  hub_->Subscribe(request, [this](absl::Status s) { answer_ = s; });
  EXPECT_FALSE(answer_.has_value()) << "the gateway is asked";
}

TEST_F(ACall, AddsUpTheDisconnectsOfAllGateways) {
  v1::DisconnectRequest request;
  request.set_user_id("ada");
  Disconnect(request);
  Answer(*one_, CallOf(*one_), 0, 2);
  EXPECT_FALSE(answer_.has_value());
  Answer(*two_, CallOf(*two_), 0, 3);
  EXPECT_EQ(answer_, absl::OkStatus());
  EXPECT_EQ(count_, 5);
}

TEST_F(ACall, DoesNotFailForTheSilenceOfAGatewayWithoutSubscriptions) {
  one_->Subscribe(1, "news");
  v1::DisconnectRequest request;
  request.set_user_id("ada");
  Disconnect(request);
  Answer(*one_, CallOf(*one_), 0, 1);
  EXPECT_FALSE(answer_.has_value());
  timers_.Advance(kCallDeadline);
  EXPECT_EQ(answer_, absl::OkStatus());
  EXPECT_EQ(count_, 1);

  Disconnect(request);
  Answer(*two_, CallOf(*two_), 0, 1);
  timers_.Advance(kCallDeadline);
  EXPECT_TRUE(absl::IsUnavailable(*answer_)) << "it may have the user";
}

TEST_F(ACall, DisconnectsNoSocketWithoutGateways) {
  one_->Lose();
  two_->Lose();
  v1::DisconnectRequest request;
  request.set_user_id("ada");
  Disconnect(request);
  EXPECT_EQ(count_, 0);
  Disconnect({});
  EXPECT_TRUE(absl::IsInvalidArgument(*answer_));
}

using AWatch = SettledHub;

v1::WatchRequest WatchOf(const std::vector<std::string>& channels) {
  v1::WatchRequest request;
  for (const auto& channel : channels) request.add_channels(channel);
  return request;
}

TEST_F(AWatch, ReceivesConnectedThenSubscribedThenEvents) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "presence-room");
  authorizer_.Allow("ada");
  const auto sink = std::make_shared<FakeSink>();
  const auto request = WatchOf({"presence-room", "news"});
  ASSERT_TRUE(hub_->Watch(request, sink).ok());
  EXPECT_EQ(Publish("news", "1"), 0);  // A Watch is no subscriber.
  gateway->Subscribe(2, "presence-room");
  authorizer_.Allow("bob");
  ASSERT_TRUE(gateway->Unsubscribe(1, "presence-room", "ada").ok());
  ASSERT_TRUE(Broadcast({"news"}, "2", "", "1.1").ok());
  const auto received = sink->Messages();
  ASSERT_EQ(received.size(), 7u);
  EXPECT_TRUE(received[0].has_connected());
  EXPECT_EQ(received[0].connected().socket_id(), "");
  EXPECT_EQ(received[1].subscribed().channel(), "presence-room");
  EXPECT_EQ(received[1].subscribed().members(0).user_id(), "ada");
  EXPECT_EQ(received[2].subscribed().channel(), "news");
  EXPECT_EQ(received[3].event().data(), "1");
  EXPECT_EQ(received[4].member_added().user_id(), "bob");
  EXPECT_EQ(received[5].member_removed().user_id(), "ada");
  EXPECT_EQ(received[6].event().data(), "2");
  EXPECT_EQ(sink->states, 3) << "the first three are as large as they are";
  hub_->Unwatch(request, sink);
  Publish("news", "3");
  EXPECT_THAT(sink->Messages(), IsEmpty());
}

TEST_F(AWatch, MakesNoChannelAndEndsWithTheService) {
  const auto sink = std::make_shared<FakeSink>();
  ASSERT_TRUE(hub_->Watch(WatchOf({"news"}), sink).ok());
  EXPECT_EQ(hub_->Counts().channels, 0);
  EXPECT_EQ(hub_->Counts().watches, 1);
  hub_->Stop();
  EXPECT_TRUE(absl::IsUnavailable(sink->closed));
}

TEST_F(AWatch, IsRefusedWhenThereAreTooMany) {
  v1::WatchRequest request;
  request.add_channels("news");
  const auto sink = std::make_shared<FakeSink>();
  for (int64_t i = 0; i < kWatchesMax; ++i) {
    ASSERT_TRUE(hub_->Watch(request, std::make_shared<FakeSink>()).ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(hub_->Watch(request, sink)));
  EXPECT_EQ(hub_->Counts().watches, kWatchesMax);
}

TEST_F(AWatch, IsRefusedBadChannels) {
  const auto sink = std::make_shared<FakeSink>();
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->Watch(WatchOf({}), sink)));
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->Watch(WatchOf({"a", "a"}), sink)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      hub_->Watch(WatchOf(std::vector<std::string>(101, "a")), sink)));
  EXPECT_THAT(sink->Messages(), IsEmpty());
}

// Holds `count` members with a user_info of 16,000 bytes each.
link::v1::GatewayItem LargeRoster(const std::string& channel, int count) {
  link::v1::GatewayItem item;
  link::v1::Held& held = *item.mutable_held();
  held.set_channel(channel);
  held.set_subscription_count(count);
  for (int i = 0; i < count; ++i) {
    link::v1::HeldMember& member = *held.add_members();
    member.mutable_member()->set_user_id(absl::StrCat("u", i));
    member.mutable_member()->set_user_info(
        absl::StrCat("\"", std::string(16'000, 'x'), "\""));
    member.add_socket_ids(absl::StrCat("1.", i));
  }
  return item;
}

TEST_F(AWatch, ReceivesALargeRosterInParts) {
  FakeGateway gateway(hub_.get(), 1);
  ASSERT_TRUE(gateway.Send(LargeRoster("presence-r", 1000)).ok());
  gateway.Attach();
  const auto sink = std::make_shared<FakeSink>();
  ASSERT_TRUE(hub_->Watch(WatchOf({"presence-r", "news"}), sink).ok());
  Publish("presence-r", "1");
  const auto received = sink->Messages();
  const auto& first = received.at(1).subscribed();
  EXPECT_LE(received[1].ByteSizeLong(), 3 << 20);
  EXPECT_GT(received[1].ByteSizeLong(), (3 << 20) - 20'000);
  std::set<std::string> users;
  for (const auto& member : first.members()) users.insert(member.user_id());
  size_t next = 2;
  for (; received.at(next).has_member_added(); ++next) {
    EXPECT_EQ(received[next].member_added().channel(), "presence-r");
    EXPECT_EQ(received[next].member_added().user_info().size(), 16'002u);
    EXPECT_TRUE(users.insert(received[next].member_added().user_id()).second);
  }
  EXPECT_EQ(users.size(), 1000u);
  EXPECT_EQ(received.at(next).subscribed().channel(), "news");
  EXPECT_EQ(received.at(next + 1).event().data(), "1");
  EXPECT_EQ(sink->states, static_cast<int>(next) + 1) << "outside of the bound";
}

TEST_F(AWatch, IsRefusedRostersThatAreTooLargeTogether) {
  FakeGateway gateway(hub_.get(), 1);
  for (int i = 0; i < 5; ++i) {  // Of 16 MB each.
    const std::string channel = absl::StrCat("presence-", i);
    ASSERT_TRUE(gateway.Send(LargeRoster(channel, 1000)).ok());
  }
  gateway.Attach();
  const auto fits = std::make_shared<FakeSink>();
  EXPECT_TRUE(hub_->Watch(WatchOf({"presence-0", "presence-1", "presence-2",
                                   "presence-3", "news"}),
                          fits)
                  .ok());

  const auto refused = std::make_shared<FakeSink>();
  const absl::Status status =
      hub_->Watch(WatchOf({"presence-0", "presence-1", "presence-2",
                           "presence-3", "presence-4", "news"}),
                  refused);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("several Watches"));
  // It is no listener of the channels that came first.
  EXPECT_EQ(hub_->Counts().watches, 1);
  const int states = refused->states;
  Publish("presence-0", "1");
  EXPECT_EQ(refused->Messages().size(), static_cast<size_t>(states));
}

TEST_F(AWatch, IsRefusedABadKeepaliveInterval) {
  const auto sink = std::make_shared<FakeSink>();
  v1::WatchRequest request = WatchOf({"news"});
  request.mutable_keepalive_interval()->set_nanos(1);
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->Watch(request, sink)));
  EXPECT_THAT(sink->Messages(), IsEmpty());
}

class Looking : public SettledHub {
 protected:
  std::vector<std::string> Page(const std::string& prefix, int size,
                                std::string* token) {
    v1::ListChannelsRequest request;
    request.set_prefix(prefix);
    request.set_page_size(size);
    request.set_page_token(*token);
    const auto answer = hub_->ListChannels(request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::vector<std::string> names;
    for (const auto& channel : answer->channels()) {
      names.push_back(channel.name());
    }
    *token = answer->next_page_token();
    return names;
  }
};

TEST_F(Looking, PagesThroughChannelsInTheOrderOfTheirNames) {
  const auto gateway = Attached(1);
  for (int i = 0; i < 25; ++i) {
    gateway->Subscribe(i + 1, absl::StrCat("c", 100 + i));
  }
  gateway->Subscribe(50, "other");
  std::vector<std::string> all;
  std::string token;
  int pages = 0;
  do {
    for (auto& name : Page("c", 10, &token)) all.push_back(name);
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(all.size(), 25u);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(all.front(), "c100");
  EXPECT_EQ(all.back(), "c124");
}

TEST_F(Looking, RefusesPagesThatAreNone) {
  v1::ListChannelsRequest request;
  request.set_page_size(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->ListChannels(request).status()));
  request.set_page_size(0);
  request.set_page_token("#");
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->ListChannels(request).status()));
  request.set_page_token("b");
  request.set_prefix("a");
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->ListChannels(request).status()));
}

TEST_F(Looking, DescribesAnUnusedChannel) {
  v1::GetChannelRequest request;
  request.set_channel("private-x");
  const auto answer = hub_->GetChannel(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->channel().type(), v1::CHANNEL_TYPE_PRIVATE);
  EXPECT_EQ(answer->channel().subscriber_count(), 0);
}

TEST_F(Looking, HasMembersOfPresenceChannelsOnly) {
  v1::GetMembersRequest request;
  request.set_channel("news");
  EXPECT_TRUE(absl::IsFailedPrecondition(hub_->GetMembers(request).status()));
  request.set_channel("");
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->GetMembers(request).status()));
  EXPECT_THAT(Members("presence-nobody"), IsEmpty());
}

TEST_F(Looking, PagesThroughMembersInTheOrderOfTheirIds) {
  FakeGateway gateway(hub_.get(), 1);
  ASSERT_TRUE(gateway.Send(LargeRoster("presence-r", 400)).ok());
  gateway.Attach();
  v1::GetMembersRequest request;
  request.set_channel("presence-r");
  std::vector<std::string> users;
  std::vector<int> sizes;
  do {
    const auto page = hub_->GetMembers(request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->ByteSizeLong(), (3 << 20) + 100);
    for (const auto& member : page->members()) {
      users.push_back(member.user_id());
    }
    sizes.push_back(page->members_size());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(users.size(), 400u);
  EXPECT_TRUE(std::is_sorted(users.begin(), users.end()));
  EXPECT_EQ(sizes.size(), 3u) << "as many as fit into 3 MiB";
  request.set_page_size(10);
  EXPECT_EQ(hub_->GetMembers(request)->members_size(), 10);
  request.set_page_size(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->GetMembers(request).status()));
  request.set_page_size(0);
  request.set_page_token("u1");
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->GetMembers(request).status()));
}

TEST_F(Looking, CountsTheSocketsThatGatewaysReport) {
  const auto one = Attached(2);
  const auto two = Attached(1);
  one->Subscribe(1, "a");
  one->Subscribe(2, "b");
  two->Subscribe(1, "a");
  link::v1::GatewayItem report;
  report.mutable_report()->set_client_count(7);
  ASSERT_TRUE(one->Send(report).ok());
  const auto stats = hub_->GetStats();
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->client_count(), 7);
  EXPECT_EQ(stats->channel_count(), 2);
  EXPECT_EQ(stats->subscription_count(), 3);
  EXPECT_EQ(stats->version(), "test");
  ASSERT_EQ(stats->gateways_size(), 2);
  EXPECT_EQ(stats->gateways(0).id(), "1");
  EXPECT_EQ(stats->gateways(1).client_count(), 7);
  EXPECT_EQ(stats->gateways(1).subscription_count(), 2);
}

TEST_F(Looking, RefusesARevocationWithoutASubject) {
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->Revoke({})));
  v1::Revocation revocation;
  revocation.set_socket_id("nonsense");
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->Revoke(revocation)));
  revocation.set_user_id("ada");
  revocation.set_channel("#bad");
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->Revoke(revocation)));
}

}  // namespace
}  // namespace herald::core
