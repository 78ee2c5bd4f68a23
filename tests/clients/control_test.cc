// SPDX-License-Identifier: Apache-2.0
//
// The promises of herald/client/control.h: each method makes one call and
// returns its result.

#include "herald/client/control.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"

namespace herald::client {
namespace {

using ::testing::ElementsAre;
using testing_support::FakeBroadcastService;
using testing_support::kPatience;

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "not ready");

class Controlling : public ::testing::Test {
 protected:
  ControlOptions Options() const {
    return {.target = service_.address(),
            .deadline = absl::FromChrono(kPatience)};
  }

  FakeBroadcastService service_;
  Control control_{Options()};
};

TEST_F(Controlling, ListsMembersWithTheirSockets) {
  v1::PresentMember* const ada = service_.members.add_members();
  ada->set_user_id("ada");
  ada->set_user_info(R"({"name":"Ada"})");
  ada->add_socket_ids("1.2");

  auto members = control_.GetMembers("presence-room");

  ASSERT_TRUE(members.ok()) << members.status();
  ASSERT_EQ(members->size(), 1u);
  EXPECT_EQ(members->at(0).user_id(), "ada");
  EXPECT_EQ(members->at(0).user_info(), R"({"name":"Ada"})");
  EXPECT_THAT(members->at(0).socket_ids(), ElementsAre("1.2"));
}

TEST_F(Controlling, FollowsThePagesOfMembers) {
  for (int i = 0; i < 5; ++i) {
    service_.members.add_members()->set_user_id(std::to_string(i));
  }
  service_.page_members_max = 2;
  const auto members = control_.GetMembers("presence-room");
  ASSERT_TRUE(members.ok()) << members.status();
  ASSERT_EQ(members->size(), 5u);
  EXPECT_EQ(members->at(4).user_id(), "4");
  const auto page = control_.GetMembersPage("presence-room", 2, "2");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->members(0).user_id(), "2");
  EXPECT_EQ(page->next_page_token(), "4");
}

TEST_F(Controlling, ReportsThatAPublicChannelHasNoMembers) {
  EXPECT_EQ(
      control_.GetMembers("news").status(),
      absl::FailedPreconditionError("channel \"news\" is no presence channel"));
}

TEST_F(Controlling, ReadsAHistoryPageByPage) {
  service_.epoch = "a";
  for (int64_t offset = 1; offset <= 3; ++offset) {
    service_.remembered.emplace_back().set_offset(offset);
  }

  auto page = control_.GetHistory("news", 2);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->messages_size(), 2);
  EXPECT_EQ(page->messages(1).offset(), 2);
  EXPECT_EQ(page->epoch(), "a");
  EXPECT_EQ(page->offset(), 3);

  v1::Position since;
  since.set_epoch("a");
  since.set_offset(2);
  page = control_.GetHistorySince("news", since);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->messages_size(), 1);
  EXPECT_EQ(page->messages(0).offset(), 3);

  const auto requests = service_.history_requests.Take(2);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].channel(), "news");
  EXPECT_FALSE(requests[0].has_since());
  EXPECT_EQ(requests[1].limit(), 0);
}

TEST_F(Controlling, ReportsWhyAHistoryCannotBeRead) {
  EXPECT_EQ(control_.GetHistory("news").status(),
            absl::FailedPreconditionError("channel \"news\" keeps no history"));
  service_.epoch = "b";
  v1::Position since;
  since.set_epoch("a");
  EXPECT_EQ(control_.GetHistorySince("news", since).status(),
            absl::OutOfRangeError("epoch \"a\" is over"));
  since.set_epoch("\xff");
  EXPECT_TRUE(absl::IsInvalidArgument(
      control_.GetHistorySince("news", since).status()));
}

TEST_F(Controlling, DescribesOneChannel) {
  auto channel = control_.GetChannel("news");

  ASSERT_TRUE(channel.ok()) << channel.status();
  EXPECT_EQ(channel->name(), "news");
  EXPECT_EQ(channel->subscriber_count(), 7);
}

TEST_F(Controlling, ListsTheChannelsOfAllPages) {
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    service_.channels.emplace_back().set_name(name);
  }

  auto channels = control_.ListChannels("x");

  ASSERT_TRUE(channels.ok()) << channels.status();
  std::vector<std::string> names;
  for (const auto& channel : *channels) names.push_back(channel.name());
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d", "e"));
  for (const auto& request : service_.list_requests.Take(3)) {
    EXPECT_EQ(request.prefix(), "x");
    EXPECT_EQ(request.page_size(), 1000);
  }
}

TEST_F(Controlling, ListsOnePageOfChannels) {
  for (const char* name : {"a", "b", "c"}) {
    service_.channels.emplace_back().set_name(name);
  }

  auto page = control_.ListChannelsPage("", 2, "2");

  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->channels(0).name(), "c");
  EXPECT_EQ(page->next_page_token(), "");
  EXPECT_EQ(service_.list_requests.Take()->page_size(), 2);
}

TEST_F(Controlling, CountsEverything) {
  service_.stats.set_client_count(10'000);
  service_.stats.add_gateways()->set_id("17");

  auto stats = control_.GetStats();

  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->client_count(), 10'000);
  EXPECT_EQ(stats->gateways(0).id(), "17");
}

TEST_F(Controlling, SubscribesASocket) {
  EXPECT_EQ(control_.Subscribe("1.2", "news"), absl::OkStatus());
  EXPECT_EQ(control_.SubscribeWithToken("1.2", "private-a", "token"),
            absl::OkStatus());
  EXPECT_EQ(control_.SubscribeAs("1.2", "presence-a", "ada", "{}"),
            absl::OkStatus());

  const auto requests = service_.subscribes.Take(3);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].socket_id(), "1.2");
  EXPECT_EQ(requests[0].channel(), "news");
  EXPECT_FALSE(requests[0].has_member());
  EXPECT_EQ(requests[1].auth_token(), "token");
  EXPECT_FALSE(requests[1].has_member());
  EXPECT_EQ(requests[2].member().user_id(), "ada");
  EXPECT_EQ(requests[2].member().user_info(), "{}");
}

TEST_F(Controlling, PassesOnTheAuthorizersAnswer) {
  service_.FailNext(1, {grpc::StatusCode::PERMISSION_DENIED, "not yours"});

  EXPECT_EQ(control_.Subscribe("1.2", "private-a"),
            absl::PermissionDeniedError("not yours"));
}

TEST_F(Controlling, UnsubscribesASocket) {
  EXPECT_EQ(control_.Unsubscribe("1.2", "news"), absl::OkStatus());

  const auto request = service_.unsubscribes.Take();
  EXPECT_EQ(request->socket_id(), "1.2");
  EXPECT_EQ(request->channel(), "news");
}

TEST_F(Controlling, DisconnectsASocketOrAUser) {
  service_.disconnected_count = 3;

  EXPECT_EQ(control_.DisconnectSocket("1.2", "bye").value_or(-1), 3);
  EXPECT_EQ(control_.DisconnectUser("ada").value_or(-1), 3);

  const auto requests = service_.disconnects.Take(2);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].socket_id(), "1.2");
  EXPECT_EQ(requests[0].reason(), "bye");
  EXPECT_FALSE(requests[0].has_user_id());
  EXPECT_EQ(requests[1].user_id(), "ada");
  EXPECT_FALSE(requests[1].has_socket_id());
}

TEST_F(Controlling, AsksAgainWhileTheServiceIsUnavailable) {
  service_.FailNext(2, kAway);
  EXPECT_TRUE(control_.GetStats().ok());

  service_.FailNext(2, kAway);
  EXPECT_EQ(control_.Unsubscribe("1.2", "news"), absl::OkStatus());
  EXPECT_EQ(service_.unsubscribes.size(), 3u);
}

TEST_F(Controlling, ShowsTheTokenAsABearer) {
  ControlOptions options = Options();
  options.api_token = "sesame";

  EXPECT_TRUE(Control(options).GetStats().ok());
  EXPECT_EQ(service_.authorizations.Take(), "Bearer sesame");
}

TEST_F(Controlling, RefusesTextThatTheWireCannotCarry) {
  EXPECT_TRUE(absl::IsInvalidArgument(control_.GetChannel("\xff").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(control_.Subscribe("1.2", "\xff")));
  EXPECT_TRUE(
      absl::IsInvalidArgument(control_.DisconnectUser("\xff").status()));
  EXPECT_EQ(service_.authorizations.size(), 0u);
}

TEST_F(Controlling, ReadsAnswersOfManyMegabytes) {
  for (int i = 0; i < 600; ++i) {
    v1::PresentMember* const member = service_.members.add_members();
    member->set_user_id(std::to_string(i));
    member->set_user_info("\"" + std::string(16'000, 'x') + "\"");
  }

  auto members = control_.GetMembers("presence-room");

  ASSERT_TRUE(members.ok()) << members.status();
  EXPECT_EQ(members->size(), 600u);
}

}  // namespace
}  // namespace herald::client
