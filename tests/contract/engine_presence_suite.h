// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine's suite (engine_suite.h) about presence.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_PRESENCE_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_PRESENCE_SUITE_H_

#include "proto/contract/limits.h"
#include "tests/contract/engine_suite.h"

namespace herald::core {

TEST_P(AnEngine, NotifiesOfTheFirstAndTheLastSocketOfAUser) {
  Join("ada", 1, "1.1");
  Join("ada", 2, "2.1");
  Join("bob", 1, "1.2");
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada", "+bob"));
  Leave("ada", 2, "2.1");
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(MemberCount(), 1);
  EXPECT_EQ(engine_.Counts().members, 1);
}

TEST_P(AnEngine, EndsAMemberWithTheLastOfASocketsSubscriptions) {
  Join("ada", 1, "1.1");
  Join("ada", 1, "1.1");
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada"));
  const auto members = Members();
  ASSERT_EQ(members.size(), 1u);
  EXPECT_THAT(members[0].socket_ids(), ::testing::ElementsAre("1.1"));
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Received(), ::testing::IsEmpty());
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, ChangesNothingWhenAUserLeavesThatNeverJoined) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.9");
  Leave("eve", 1, "1.1");
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada"));
  Leave("ada", 1, "1.1");
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(engine_.Counts().members, 0);
}

TEST_P(AnEngine, ReplacesAGatewaysMembersWithoutBouncingTheRemainingOnes) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Join("bob", 2, "2.1");
  Received();
  Replace(1, {{User("ada"), {"1.1"}}, {User("cyd"), {"1.3", "1.4"}}});
  EXPECT_THAT(Received(), ::testing::ElementsAre("+cyd"));
  Replace(1, {});
  EXPECT_THAT(Received(), ::testing::UnorderedElementsAre("-ada", "-cyd"));
  EXPECT_EQ(MemberCount(), 1);
}

TEST_P(AnEngine, KeepsALeavingMemberForTheGrace) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  Pass(absl::Milliseconds(4999));
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada", "+bob"));
  const auto members = Members();
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].user_id(), "ada");
  EXPECT_THAT(members[0].socket_ids(), ::testing::IsEmpty());
  EXPECT_EQ(engine_.Counts().members, 2);
  Pass(absl::Milliseconds(1));
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(engine_.Counts().members, 1);
  Pass(absl::Minutes(1));
  EXPECT_THAT(Received(), ::testing::IsEmpty());
}

TEST_P(AnEngine, DoesNotAnnounceAReturnInTime) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  Received();
  Pass(absl::Seconds(4));
  Join("ada", 2, "2.1");
  Pass(absl::Seconds(1));
  EXPECT_THAT(Received(), ::testing::IsEmpty());
  EXPECT_EQ(MemberCount(), 1);
  Leave("ada", 2, "2.1");
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, CountsAGraceFromTheLastTimeThatAUserWentAway) {
  for (int i = 0; i < 3; ++i) {
    Join("ada", 1, "1.1");
    Leave("ada", 1, "1.1", absl::Seconds(5));
    Pass(absl::Seconds(1));
  }
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada"));
  // Away for the last time two seconds after the first.
  Pass(absl::Milliseconds(3999));
  EXPECT_THAT(Received(), ::testing::IsEmpty());
  Pass(absl::Milliseconds(1));
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, EndsAGraceEarlierThatHasBecomeShorter) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Hours(1));
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada"));
  Pass(absl::Seconds(5));
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
  // The end of the first grace has no effect on members that have returned.
  Join("ada", 1, "1.1");
  Pass(absl::Hours(1));
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada"));
}

TEST_P(AnEngine, GivesGraceToMembersThatAGatewayHasNoMore) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Leave("bob", 1, "1.2", absl::Seconds(5));
  Received();
  Pass(absl::Seconds(3));
  Replace(1, {}, absl::Seconds(3));
  // A grace that runs already does not begin anew.
  Pass(absl::Seconds(2));
  EXPECT_THAT(Received(), ::testing::ElementsAre("-bob"));
  Replace(2, {{User("ada"), {"2.1"}}});
  Pass(absl::Minutes(1));
  EXPECT_THAT(Received(), ::testing::IsEmpty());
  Replace(2, {});
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, RemovesAllMembersWhereTheRulesGiveNone) {
  Join("ada", 1, "1.1");
  Join("bob", 2, "2.1");
  Join("cyd", 2, "2.2");
  Leave("cyd", 2, "2.2", absl::Seconds(5));
  Received();
  engine_.ApplyPresenceRules();
  world_->Settle();
  EXPECT_THAT(Received(), ::testing::IsEmpty());
  listener_.rules.presence = false;
  engine_.ApplyPresenceRules();
  world_->Settle();
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada", "-bob", "-cyd"));
  EXPECT_EQ(engine_.Counts().members, 0);
  Leave("ada", 1, "1.1");
  Pass(absl::Seconds(5));
  EXPECT_THAT(Received(), ::testing::IsEmpty());
}

TEST_P(AnEngine, AdmitsAsManySubscriptionsAsThereMayBe) {
  const auto admit = [&](int64_t count, int64_t count_max) {
    AdmissionRequest subscription;
    subscription.socket = {1, "1.1"};
    subscription.attach = AttachOf(1);
    subscription.count = count;
    subscription.count_max = count_max;
    return Admit("a", std::move(subscription));
  };
  EXPECT_EQ(admit(1'000'000, 0), Admission::kAdmitted);
  EXPECT_EQ(admit(1, 2), Admission::kAdmitted);
  EXPECT_EQ(admit(2, 2), Admission::kTooManySubscribers);
}

TEST_P(AnEngine, MakesNoMemberOfAUserThatIsNotAdmitted) {
  AdmissionRequest subscription;
  subscription.socket = {1, "1.1"};
  subscription.attach = AttachOf(1);
  subscription.member = User("ada");
  subscription.count = 2;
  subscription.count_max = 2;
  EXPECT_EQ(Admit("presence-room", std::move(subscription)),
            Admission::kTooManySubscribers);
  EXPECT_THAT(Received(), ::testing::IsEmpty());
  EXPECT_EQ(MemberCount(), 0);
}

TEST_P(AnEngine, BoundsTheBytesOfAChannelsMembers) {
  const std::string info(contract::kMembersBytesMax / 2 - 3, 'x');
  EXPECT_EQ(TryToJoin(User("ada", info), 1, "1.1"), Admission::kAdmitted);
  EXPECT_EQ(TryToJoin(User("bob", info), 2, "2.1"), Admission::kAdmitted);
  EXPECT_EQ(TryToJoin(User("cyd", ""), 1, "1.2"), Admission::kTooManyMembers);
  EXPECT_EQ(TryToJoin(User("ada", "of the second socket"), 2, "2.2"),
            Admission::kAdmitted)
      << "the first user_info holds";
  Leave("bob", 2, "2.1");
  EXPECT_EQ(TryToJoin(User("cyd", ""), 1, "1.2"), Admission::kAdmitted);
}

TEST_P(AnEngine, TakesTwiceTheBytesOfAGatewayThatReturnsAndNoMore) {
  const std::string info(contract::kMembersBytesMax - 3, 'x');
  EXPECT_TRUE(
      TryToReplace(1, AttachOf(1), {{User("ada", info), {"1.1"}}}).ok());
  EXPECT_TRUE(
      TryToReplace(2, AttachOf(2), {{User("bob", info), {"2.1"}}}).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      TryToReplace(3, AttachOf(3), {{User("cyd"), {"3.1"}}})));
  EXPECT_EQ(MemberCount(), 2);
  EXPECT_TRUE(TryToReplace(3, AttachOf(3), {{User("ada", info), {"3.1"}}}).ok())
      << "a user that is present adds nothing";
}

TEST_P(AnEngine, ListsMembersInOrderWithTheirSockets) {
  TryToJoin(User("bob", "2"), 1, "1.2");
  TryToJoin(User("ada", "1"), 1, "1.1");
  TryToJoin(User("ada", "other"), 2, "2.1");
  const auto members = Members();
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].user_id(), "ada");
  EXPECT_EQ(members[0].user_info(), "1");
  EXPECT_THAT(members[0].socket_ids(), ::testing::ElementsAre("1.1", "2.1"));
  EXPECT_EQ(members[1].user_id(), "bob");
  std::vector<std::string> roster;  // As the node knows it.
  Locked("presence-room", [&] {
    for (const auto& member : engine_.Members("presence-room")) {
      roster.push_back(member.user_id() + member.user_info());
    }
  });
  EXPECT_THAT(roster, ::testing::ElementsAre("ada1", "bob2"));
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_PRESENCE_SUITE_H_
