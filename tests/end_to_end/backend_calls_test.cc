// SPDX-License-Identifier: Apache-2.0
//
// The calls of backends besides publishing: managing connections and querying
// presence.

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::kPongText;
using testing_support::ScriptedAuthorizer;
using testing_support::Stub;
using testing_support::WebSocketClient;

constexpr char kUnknownSocket[] = "4711.1";

v1::SubscribeRequest SubscribeOf(const std::string& socket,
                                 const std::string& channel) {
  v1::SubscribeRequest request;
  request.set_socket_id(socket);
  request.set_channel(channel);
  return request;
}

v1::UnsubscribeRequest UnsubscribeOf(const std::string& socket,
                                     const std::string& channel) {
  v1::UnsubscribeRequest request;
  request.set_socket_id(socket);
  request.set_channel(channel);
  return request;
}

// A socket that the gateway of `socket` does not have.
std::string StrangerOf(const std::string& socket) {
  return absl::StrCat(socket.substr(0, socket.find('.')), ".1");
}

TEST(SubscribeByTheBackend, NotifiesTheBrowserAndNeedsNoAuthorizerWithAMember) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  v1::SubscribeRequest request = SubscribeOf(ada.socket_id(), "presence-room");
  request.mutable_member()->set_user_id("ada");
  request.mutable_member()->set_user_info(R"({"name":"Ada"})");

  EXPECT_TRUE(world.backend().Call(&Stub::Subscribe, request).status.ok());
  EXPECT_EQ(ada.Next(),
            R"({"type":"subscribed","channel":"presence-room",)"
            R"("members":[{"user_id":"ada","user_info":{"name":"Ada"}}]})");
  EXPECT_TRUE(world.backend().Call(&Stub::Subscribe, request).status.ok())
      << "already subscribed is a success";

  request.set_socket_id(bob.socket_id());
  request.mutable_member()->set_user_id("bob");
  EXPECT_TRUE(world.backend().Call(&Stub::Subscribe, request).status.ok());
  EXPECT_EQ(world.backend().Members("presence-room"), "ada (1), bob (1)");
  EXPECT_EQ(ada.Next().String("user_id"), "bob");
  EXPECT_EQ(world.backend().Broadcast("presence-room", "e", "1"), 2);
  EXPECT_EQ(ada.Next().type(), "event");
}

TEST(SubscribeByTheBackend, TakesTheOrdinaryPathWithoutAMember) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(1);
  v1::SubscribeRequest request = SubscribeOf(ada.socket_id(), "private-x");

  request.set_auth_token("no");
  const grpc::Status denied =
      world.backend().Call(&Stub::Subscribe, request).status;
  EXPECT_EQ(denied.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(), HasSubstr("not yours"));

  request.set_auth_token("yes");
  EXPECT_TRUE(world.backend().Call(&Stub::Subscribe, request).status.ok());
  EXPECT_EQ(ada.Next(), R"({"type":"subscribed","channel":"private-x"})");

  EXPECT_TRUE(world.backend()
                  .Call(&Stub::Subscribe, SubscribeOf(ada.socket_id(), "news"))
                  .status.ok());
  EXPECT_EQ(ada.Next(), R"({"type":"subscribed","channel":"news"})");

  EXPECT_EQ(authorizer.questions().back().socket_id(), ada.socket_id());
}

TEST(SubscribeByTheBackend, IsRefusedWithTheCodeOfTheContract) {
  HeraldWorld world({.service_flags = {"--max_subscribers=1"}});
  WebSocketClient& ada = world.Open();
  WebSocketClient& bob = world.Open(1);
  bob.Subscribe("full");
  v1::SubscribeRequest bad_member = SubscribeOf(ada.socket_id(), "presence-x");
  bad_member.mutable_member()->set_user_info("{}");
  v1::SubscribeRequest bad_info = SubscribeOf(ada.socket_id(), "presence-x");
  bad_info.mutable_member()->set_user_id("ada");
  bad_info.mutable_member()->set_user_info("{");
  const std::vector<std::pair<v1::SubscribeRequest, StatusCode>> bad = {
      {SubscribeOf(kUnknownSocket, "news"), StatusCode::NOT_FOUND},
      {SubscribeOf(StrangerOf(ada.socket_id()), "news"), StatusCode::NOT_FOUND},
      {SubscribeOf("nobody", "news"), StatusCode::INVALID_ARGUMENT},
      {SubscribeOf("", "news"), StatusCode::INVALID_ARGUMENT},
      {SubscribeOf(ada.socket_id(), "bad name"), StatusCode::INVALID_ARGUMENT},
      {SubscribeOf(ada.socket_id(), "private-x"),
       StatusCode::PERMISSION_DENIED},
      {SubscribeOf(ada.socket_id(), "full"), StatusCode::RESOURCE_EXHAUSTED},
      {bad_member, StatusCode::INVALID_ARGUMENT},
      {bad_info, StatusCode::INVALID_ARGUMENT},
  };
  for (const auto& [request, code] : bad) {
    const grpc::Status status =
        world.backend().Call(&Stub::Subscribe, request).status;
    EXPECT_EQ(status.error_code(), code)
        << request.ShortDebugString() << ": " << status.error_message();
    EXPECT_NE(status.error_message(), "");
  }
}

TEST(UnsubscribeByTheBackend, NotifiesTheBrowserOfTheReasonAndNothingFollows) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(1);
  ada.Subscribe("news");
  const auto request = UnsubscribeOf(ada.socket_id(), "news");

  EXPECT_TRUE(world.backend().Call(&Stub::Unsubscribe, request).status.ok());

  const Frame told = ada.Next();
  EXPECT_EQ(told.type(), "unsubscribed");
  EXPECT_EQ(told.String("channel"), "news");
  EXPECT_NE(told.String("reason"), "");
  world.WaitUntil(
      [&] { return world.backend().Broadcast("news", "e", "1") == 0; });
  EXPECT_TRUE(world.backend().Call(&Stub::Unsubscribe, request).status.ok())
      << "not subscribed is a success";
  EXPECT_EQ(ada.Ping(), kPongText);
  EXPECT_EQ(world.backend()
                .Call(&Stub::Unsubscribe, UnsubscribeOf(kUnknownSocket, "news"))
                .status.error_code(),
            StatusCode::NOT_FOUND);
  EXPECT_EQ(world.backend()
                .Call(&Stub::Unsubscribe,
                      UnsubscribeOf(StrangerOf(ada.socket_id()), "news"))
                .status.error_code(),
            StatusCode::NOT_FOUND);
  EXPECT_EQ(world.backend()
                .Call(&Stub::Unsubscribe, UnsubscribeOf(ada.socket_id(), "a b"))
                .status.error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST(Disconnect, ClosesOneSocketWith4003AndTheReason) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(0);
  v1::DisconnectRequest request;
  request.set_socket_id(ada.socket_id());
  // 123 bytes fit into a close frame; the cut falls between characters.
  request.set_reason(std::string(122, 'r') + "üü");

  const auto [status, response] =
      world.backend().Call(&Stub::Disconnect, request);

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.disconnected_count(), 1);
  EXPECT_EQ(ada.WaitForClose(), 4003);
  EXPECT_EQ(ada.close_reason(), std::string(122, 'r'));
  EXPECT_EQ(bob.Ping(), kPongText);
  EXPECT_EQ(
      world.backend().Call(&Stub::Disconnect, request).status.error_code(),
      StatusCode::NOT_FOUND);
}

TEST(Disconnect, ClosesAllSocketsOfAUserOnAllGateways) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& here = world.Open(0);
  WebSocketClient& there = world.Open(1);
  WebSocketClient& other = world.Open(1);
  here.Subscribe("presence-room", "user:ada");
  there.Subscribe("private-x", "user:ada");
  other.Subscribe("private-x", "user:bob");
  v1::DisconnectRequest request;
  request.set_user_id("ada");

  const auto [status, response] =
      world.backend().Call(&Stub::Disconnect, request);

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.disconnected_count(), 2);
  EXPECT_EQ(here.WaitForClose(), 4003);
  EXPECT_EQ(there.WaitForClose(), 4003);
  EXPECT_EQ(other.Ping(), kPongText);
  const auto again = world.backend().Call(&Stub::Disconnect, request);
  EXPECT_TRUE(again.status.ok()) << "an unknown user is no error";
  EXPECT_EQ(again.response.disconnected_count(), 0);
  EXPECT_EQ(world.backend()
                .Call(&Stub::Disconnect, v1::DisconnectRequest())
                .status.error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST(GetChannel, DescribesAChannelAndCountsZeroForAnUnusedOne) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  for (size_t gateway : {0, 1, 1}) {
    world.Open(gateway).Subscribe("presence-room",
                                  gateway == 0 ? "user:ada" : "user:bob");
  }
  v1::GetChannelRequest request;

  request.set_channel("presence-room");
  v1::Channel channel =
      world.backend().Call(&Stub::GetChannel, request).response.channel();
  EXPECT_EQ(channel.name(), "presence-room");
  EXPECT_EQ(channel.type(), v1::CHANNEL_TYPE_PRESENCE);
  EXPECT_EQ(channel.subscriber_count(), 3);
  EXPECT_EQ(channel.member_count(), 2);

  request.set_channel("private-nobody");
  channel = world.backend().Call(&Stub::GetChannel, request).response.channel();
  EXPECT_EQ(channel.type(), v1::CHANNEL_TYPE_PRIVATE);
  EXPECT_EQ(channel.subscriber_count(), 0);
  EXPECT_EQ(channel.member_count(), 0);

  request.set_channel("bad name");
  EXPECT_EQ(
      world.backend().Call(&Stub::GetChannel, request).status.error_code(),
      StatusCode::INVALID_ARGUMENT);
}

TEST(ListChannels, PagesThroughThemInTheOrderOfTheirNames) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  for (const char* name : {"b", "a", "c:2", "c:1", "c:3"}) ada.Subscribe(name);
  bob.Subscribe("a");
  v1::ListChannelsRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  int pages = 0;
  do {
    const auto [status, response] =
        world.backend().Call(&Stub::ListChannels, request);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_LE(response.channels_size(), 2);
    for (const v1::Channel& channel : response.channels()) {
      names.push_back(
          absl::StrCat(channel.name(), "=", channel.subscriber_count()));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && ++pages < 10);

  EXPECT_THAT(names,
              ::testing::ElementsAre("a=2", "b=1", "c:1=1", "c:2=1", "c:3=1"));

  v1::ListChannelsRequest prefixed;
  prefixed.set_prefix("c:");
  EXPECT_EQ(world.backend()
                .Call(&Stub::ListChannels, prefixed)
                .response.channels_size(),
            3);
  prefixed.set_page_size(-1);
  EXPECT_EQ(
      world.backend().Call(&Stub::ListChannels, prefixed).status.error_code(),
      StatusCode::INVALID_ARGUMENT);
  prefixed.set_page_size(1);
  prefixed.set_page_token("\x01 no page returned this");
  EXPECT_EQ(
      world.backend().Call(&Stub::ListChannels, prefixed).status.error_code(),
      StatusCode::INVALID_ARGUMENT);
}

TEST(GetStats, CountsEverything) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  world.Open(1);
  ada.Subscribe("a");
  ada.Subscribe("b");
  bob.Subscribe("a");
  v1::GetStatsResponse stats;
  // Counts of sockets may be a second old.
  world.WaitUntil([&] {
    stats = world.backend().Call(&Stub::GetStats, {}).response;
    return stats.client_count() == 3;
  });

  EXPECT_EQ(stats.channel_count(), 2);
  EXPECT_EQ(stats.subscription_count(), 3);
  EXPECT_NE(stats.version(), "");
  EXPECT_GT(stats.start_time().seconds(), 1700000000);
  ASSERT_EQ(stats.gateways_size(), 2);
  EXPECT_LT(std::stoull(stats.gateways(0).id()),
            std::stoull(stats.gateways(1).id()));
  for (const v1::Gateway& gateway : stats.gateways()) {
    const bool is_first =
        ada.socket_id().substr(0, ada.socket_id().find('.')) == gateway.id();
    EXPECT_EQ(gateway.client_count(), is_first ? 1 : 2) << gateway.id();
    EXPECT_EQ(gateway.subscription_count(), is_first ? 2 : 1);
    EXPECT_GE(gateway.attach_time().seconds(), stats.start_time().seconds());
    EXPECT_EQ(gateway.version(), stats.version());
  }
}

TEST(AWatchCall, BeginsWithConnectedAndReceivesEventsAndMemberChanges) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(0);
  ada.Subscribe("presence-room", "user:ada");

  auto watch = world.backend().Watch({"presence-room", "private-x", "news"});

  v1::ServerMessage message = watch->Next();
  EXPECT_TRUE(message.has_connected());
  EXPECT_EQ(message.connected().socket_id(), "");
  std::map<std::string, int> members;  // By channel.
  for (int i = 0; i < 3; ++i) {
    message = watch->Next();
    members[message.subscribed().channel()] =
        message.subscribed().members_size();
  }
  EXPECT_THAT(members, ElementsAre(Pair("news", 0), Pair("presence-room", 1),
                                   Pair("private-x", 0)));

  WebSocketClient& bob = world.Open(1);
  EXPECT_EQ(bob.Subscribe("presence-room", "user:bob").Members().size(), 2u)
      << "a Watch is no member";
  message = watch->Next();
  EXPECT_EQ(message.member_added().user_id(), "bob");
  EXPECT_EQ(message.member_added().user_info(), R"({"name":"bob"})");

  EXPECT_EQ(world.backend().Broadcast("news", "e", "[1]", ada.socket_id()), 0)
      << "a Watch is no subscriber";
  message = watch->Next();
  EXPECT_EQ(message.event().channel(), "news");
  EXPECT_EQ(message.event().event(), "e");
  EXPECT_EQ(message.event().data(), "[1]");
  EXPECT_FALSE(message.event().whisper());

  bob.Whisper("presence-room", "typing", "true");
  message = watch->Next();
  EXPECT_EQ(message.event().data(), "true");
  EXPECT_TRUE(message.event().whisper());
  EXPECT_EQ(message.event().user_id(), "bob");

  bob.Drop();
  EXPECT_EQ(watch->Next().member_removed().user_id(), "bob");
}

TEST(AWatchCall, ReceivesItsChannelsInTheirOrderAndNothingElse) {
  HeraldWorld world({.gateways = 0});
  auto watch = world.backend().Watch({"a"});
  EXPECT_TRUE(watch->Next().has_connected());
  EXPECT_TRUE(watch->Next().has_subscribed());
  for (int i = 0; i < 100; ++i) {
    world.backend().Broadcast("other", "e", "0");
    world.backend().Broadcast("a", "e", absl::StrCat(i));
  }
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(watch->Next().event().data(), absl::StrCat(i));
  }
}

TEST(AWatchCall, IsRefusedForNoTooManyDoubleOrBadChannels) {
  HeraldWorld world({.gateways = 0});
  std::vector<std::string> too_many;
  for (int i = 0; i < 101; ++i) too_many.push_back(absl::StrCat("c", i));
  const std::vector<std::vector<std::string>> bad = {
      {}, too_many, {"a", "a"}, {"bad name"}};
  for (const std::vector<std::string>& channels : bad) {
    EXPECT_EQ(world.backend().Watch(channels)->WaitForEnd().error_code(),
              StatusCode::INVALID_ARGUMENT);
  }
}

TEST(AWatchCall, ThatIsNotReadEndsAndDelaysNoOther) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  auto watch = world.backend().Watch({"news"});
  const std::string data = absl::StrCat("\"", std::string(60000, 'x'), "\"");

  // Beyond the bytes that gRPC keeps in flight, and 1 MiB of the service's own.
  // Publishing goes on unaffected.
  for (int i = 0; i < 400; ++i) {
    ASSERT_EQ(world.backend().Broadcast("news", "e", data), 1);
    ASSERT_EQ(ada.Next().type(), "event");
  }

  EXPECT_EQ(watch->WaitForEnd().error_code(), StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace herald::end_to_end
