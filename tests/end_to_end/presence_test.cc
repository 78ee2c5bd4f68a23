// SPDX-License-Identifier: Apache-2.0
//
// Presence channels across two gateways: members and their changes.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/room.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::JsonString;
using testing_support::ScriptedAuthorizer;
using testing_support::Sign;
using testing_support::Stub;
using testing_support::WebSocketClient;

std::string AddedOf(absl::string_view user) {
  return absl::StrCat(
      R"({"type":"member_added","channel":"presence-room","user_id":")", user,
      R"(","user_info":{"name":")", user, R"("}})");
}

class Presence : public ::testing::Test {
 protected:
  WebSocketClient& Join(size_t gateway, const std::string& user) {
    WebSocketClient& client = world_.Open(gateway);
    answer_ = client.Subscribe(kRoom, "user:" + user);
    EXPECT_EQ(answer_.type(), "subscribed") << answer_;
    return client;
  }

  // The next frame of each is this event, so nothing else was before it.
  void ExpectNothingFor(const std::vector<WebSocketClient*>& clients) {
    const std::string data = absl::StrCat(++marker_);
    world_.backend().Broadcast(kRoom, "marker", data);
    for (WebSocketClient* client : clients) {
      EXPECT_EQ(client->Next(),
                R"({"type":"event","event":"marker","channel":"presence-room",)"
                R"("data":)" +
                    data + "}");
    }
  }

  ScriptedAuthorizer authorizer_;
  HeraldWorld world_{
      {.service_flags = {"--authorizer=" + authorizer_.address()}}};
  Frame answer_;
  int marker_ = 0;
};

TEST_F(Presence, ShowsTheNewcomerAllWithItselfAndTheOthersTheNewcomer) {
  WebSocketClient& ada = Join(0, "ada");
  EXPECT_EQ(answer_,
            R"({"type":"subscribed","channel":"presence-room",)"
            R"("members":[{"user_id":"ada","user_info":{"name":"ada"}}]})");
  WebSocketClient& bob = Join(1, "bob");
  EXPECT_THAT(answer_.Members(), ElementsAre(Pair("ada", R"({"name":"ada"})"),
                                             Pair("bob", R"({"name":"bob"})")));
  WebSocketClient& eve = Join(0, "eve");
  EXPECT_THAT(answer_.Members(), ElementsAre(Pair("ada", R"({"name":"ada"})"),
                                             Pair("bob", R"({"name":"bob"})"),
                                             Pair("eve", R"({"name":"eve"})")));

  EXPECT_EQ(ada.Next(), AddedOf("bob"));
  EXPECT_EQ(ada.Next(), AddedOf("eve"));
  EXPECT_EQ(bob.Next(), AddedOf("eve"));
  ExpectNothingFor({&ada, &bob, &eve});
  EXPECT_EQ(world_.backend().Members(kRoom), "ada (1), bob (1), eve (1)");

  EXPECT_EQ(bob.Unsubscribe(kRoom).type(), "unsubscribed");
  EXPECT_EQ(ada.Next(), RemovedOf("bob"));
  EXPECT_EQ(eve.Next(), RemovedOf("bob"));
  eve.Drop();
  EXPECT_EQ(ada.Next(), RemovedOf("eve"));
  EXPECT_EQ(world_.backend().Members(kRoom), "ada (1)");
}

TEST_F(Presence, CountsUsersAndNotSockets) {
  WebSocketClient& ada = Join(0, "ada");
  WebSocketClient& bob_here = Join(0, "bob");
  EXPECT_EQ(ada.Next(), AddedOf("bob"));

  WebSocketClient& bob_there = Join(1, "bob");
  EXPECT_EQ(answer_.Members().size(), 2u) << answer_;
  WebSocketClient& bob_again = Join(1, "bob");
  EXPECT_EQ(world_.backend().Members(kRoom), "ada (1), bob (3)");
  ExpectNothingFor({&ada, &bob_here, &bob_there, &bob_again});

  bob_here.Drop();
  bob_again.Drop();
  world_.WaitUntil(
      [&] { return world_.backend().Members(kRoom) == "ada (1), bob (1)"; });
  ExpectNothingFor({&ada, &bob_there});

  bob_there.Drop();
  EXPECT_EQ(ada.Next(), RemovedOf("bob"));
  ExpectNothingFor({&ada});
}

TEST_F(Presence, AnswersASecondSubscribeWithTheMembersAndNotifiesNoOther) {
  WebSocketClient& ada = Join(0, "ada");
  WebSocketClient& bob = Join(1, "bob");
  EXPECT_EQ(ada.Next(), AddedOf("bob"));

  const Frame again = bob.Subscribe(kRoom, "user:bob");

  EXPECT_EQ(again.type(), "subscribed");
  EXPECT_THAT(again.Members(), ElementsAre(Pair("ada", R"({"name":"ada"})"),
                                           Pair("bob", R"({"name":"bob"})")));
  ExpectNothingFor({&ada, &bob});
  EXPECT_EQ(world_.backend().Members(kRoom), "ada (1), bob (1)");
}

TEST_F(Presence, GivesNullToAUserWithoutInfoAndKeepsInfoVerbatim) {
  authorizer_.Answer([](const v1::AuthorizeRequest& question) {
    return std::vector{testing_support::AllowUser(
        question, question.auth_token(),
        question.auth_token() == "ada"
            ? ""
            : R"({ "x":[1, 2e400], "y":"\ud83d" })")};
  });
  WebSocketClient& ada = world_.Open(0);
  WebSocketClient& bob = world_.Open(1);

  EXPECT_EQ(ada.Subscribe(kRoom, "ada"),
            R"({"type":"subscribed","channel":"presence-room",)"
            R"("members":[{"user_id":"ada","user_info":null}]})");
  bob.Subscribe(kRoom, "bob");
  EXPECT_EQ(ada.Next(), R"({"type":"member_added","channel":"presence-room",)"
                        R"("user_id":"bob","user_info":{ "x":[1, 2e400], )"
                        R"("y":"\ud83d" }})");
}

TEST_F(Presence, NeedsAMemberAndReportsIt) {
  WebSocketClient& ada = world_.Open(0);

  const Frame answer = ada.Subscribe(kRoom, "yes");

  EXPECT_EQ(answer.type(), "subscription_error");
  EXPECT_EQ(answer.String("code"), "unauthorized");
  EXPECT_THAT(answer.String("error"), ::testing::HasSubstr("member"));
}

TEST_F(Presence, IsDeliveredInOneOrderToAll) {
  // Users come and go on both gateways while others watch from both.
  WebSocketClient& here = Join(0, "here");
  WebSocketClient& there = Join(1, "there");
  EXPECT_EQ(here.Next(), AddedOf("there"));
  for (int i = 0; i < 20; ++i) {
    world_.Open(i % 2).AskToSubscribe(kRoom, absl::StrCat("user:u", i));
  }

  for (int i = 0; i < 20; ++i) {
    const Frame seen_here = here.Next();
    EXPECT_EQ(seen_here.type(), "member_added");
    EXPECT_EQ(there.Next(), seen_here.text());
  }
}

TEST_F(Presence, IsAskedOfPresenceChannelsOnly) {
  v1::GetMembersRequest request;
  request.set_channel("news");
  EXPECT_EQ(
      world_.backend().Call(&Stub::GetMembers, request).status.error_code(),
      grpc::StatusCode::FAILED_PRECONDITION);
  request.set_channel("bad name");
  EXPECT_EQ(
      world_.backend().Call(&Stub::GetMembers, request).status.error_code(),
      grpc::StatusCode::INVALID_ARGUMENT);
  request.set_channel("presence-empty");
  const auto empty = world_.backend().Call(&Stub::GetMembers, request);
  EXPECT_TRUE(empty.status.ok());
  EXPECT_EQ(empty.response.members_size(), 0);
}

TEST_F(Presence, ListsMembersWithTheirSockets) {
  WebSocketClient& ada = Join(0, "ada");
  WebSocketClient& also_ada = Join(1, "ada");
  v1::GetMembersRequest request;
  request.set_channel(kRoom);

  const auto [status, response] =
      world_.backend().Call(&Stub::GetMembers, request);

  ASSERT_EQ(response.members_size(), 1) << status.error_message();
  EXPECT_EQ(response.members(0).user_id(), "ada");
  EXPECT_EQ(response.members(0).user_info(), R"({"name":"ada"})");
  EXPECT_THAT(
      response.members(0).socket_ids(),
      ::testing::UnorderedElementsAre(ada.socket_id(), also_ada.socket_id()));
}

// As pages do that mount, unmount and mount again in one breath (React's strict
// mode): the first yes meets the second subscribe on its way.
TEST(APresenceMember, StaysWhenItCancelsASubscribeAndSubscribesAgain) {
  constexpr char kSecret[] = "s";
  constexpr char kData[] = R"({"user_id":"ada","user_info":{"name":"ada"}})";
  HeraldWorld world({.service_flags = {absl::StrCat("--secret=", kSecret)}});
  WebSocketClient& ada = world.Open(0);
  for (int i = 0; i < 20; ++i) {
    const std::string channel = absl::StrCat("presence-room", i);
    const std::string auth =
        Sign(kSecret, absl::StrCat(ada.socket_id(), ":", channel, ":", kData));
    const std::string data = JsonString(kData);
    ada.AskToSubscribe(channel, auth, data);
    ada.Send(
        absl::StrCat(R"({"type":"unsubscribe","channel":")", channel, "\"}"));
    ada.AskToSubscribe(channel, auth, data);
    Frame first = ada.Next();
    if (first.type() == "subscribed") first = ada.Next();  // It was quicker.
    EXPECT_EQ(first.type(), "unsubscribed");
    const Frame answer = ada.Next();
    EXPECT_EQ(answer.type(), "subscribed") << answer;
    EXPECT_THAT(answer.Members(),
                ElementsAre(Pair("ada", R"({"name":"ada"})")));

    world.backend().Broadcast(channel, "marker", "1");
    EXPECT_EQ(ada.Next().type(), "event") << "she did not leave";
    v1::GetMembersRequest request;
    request.set_channel(channel);
    const auto [status, response] =
        world.backend().Call(&Stub::GetMembers, request);
    ASSERT_EQ(response.members_size(), 1) << status.error_message();
    EXPECT_THAT(response.members(0).socket_ids(), ElementsAre(ada.socket_id()));
    EXPECT_EQ(ada.Unsubscribe(channel).type(), "unsubscribed");
    EXPECT_TRUE(world.WaitUntil([&] {
      return world.backend()
                 .Call(&Stub::GetMembers, request)
                 .response.members_size() == 0;
    }));
  }
}

}  // namespace
}  // namespace herald::end_to_end
