// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine's suite (engine_suite.h) that is about who is present.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_PRESENCE_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_PRESENCE_SUITE_H_

#include "tests/contract/engine_suite.h"

namespace herald::core {

TEST_P(AnEngine, TellsOfTheFirstAndTheLastSocketOfAUser) {
  Join("ada", 1, "1.1");
  Join("ada", 2, "2.1");
  Join("bob", 1, "1.2");
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada", "+bob"));
  Leave("ada", 2, "2.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(engine_->MemberCount("presence-room"), 1);
  EXPECT_EQ(engine_->TotalMemberCount(), 1);
}

TEST_P(AnEngine, EndsAMemberWithTheLastOfASocketsSubscriptions) {
  Join("ada", 1, "1.1");
  Join("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada"));
  const auto members = engine_->Members("presence-room");
  ASSERT_EQ(members.size(), 1u);
  EXPECT_THAT(members[0].socket_ids(), ::testing::ElementsAre("1.1"));
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, ChangesNothingWhenOneLeavesWhoNeverJoined) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.9");
  Leave("eve", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada"));
  Leave("ada", 1, "1.1");
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(engine_->TotalMemberCount(), 0);
}

TEST_P(AnEngine, ReplacesAGatewaysMembersWithoutBouncingThoseWhoStay) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Join("bob", 2, "2.1");
  Heard();
  Replace(1, {{User("ada"), {"1.1"}}, {User("cyd"), {"1.3", "1.4"}}});
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+cyd"));
  EXPECT_THAT(engine_->ChannelsOf(1), ::testing::ElementsAre("presence-room"));
  Replace(1, {});
  EXPECT_THAT(Heard(), ::testing::UnorderedElementsAre("-ada", "-cyd"));
  EXPECT_THAT(engine_->ChannelsOf(1), ::testing::IsEmpty());
  EXPECT_EQ(engine_->MemberCount("presence-room"), 1);
}

TEST_P(AnEngine, KeepsWhoHasLeftForATimeOfGrace) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  EXPECT_THAT(Heard(),
              ::testing::ElementsAre("+ada", "+bob", "ada away for 5s"));
  const auto members = engine_->Members("presence-room");
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].user_id(), "ada");
  EXPECT_THAT(members[0].socket_ids(), ::testing::IsEmpty());
  EXPECT_EQ(engine_->TotalMemberCount(), 2);
  EXPECT_THAT(engine_->PresenceChannels(),
              ::testing::ElementsAre("presence-room"));
  EndGrace("ada", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(engine_->TotalMemberCount(), 1);
  engine_->EndGrace("presence-room", "ada");
  engine_->EndGrace("presence-other", "ada");
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
}

TEST_P(AnEngine, SaysNothingOfWhoReturnsInTime) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  Heard();
  timers_.Advance(absl::Seconds(4));
  Join("ada", 2, "2.1");
  EndGrace("ada", absl::Seconds(1));
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
  EXPECT_EQ(engine_->MemberCount("presence-room"), 1);
  Leave("ada", 2, "2.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, AwaitsOneEndOfGraceHoweverOftenAUserComesAndGoes) {
  for (int i = 0; i < 3; ++i) {
    Join("ada", 1, "1.1");
    Leave("ada", 1, "1.1", absl::Seconds(5));
    timers_.Advance(absl::Seconds(1));
  }
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada", "ada away for 5s"));
  // Away for the last time two seconds after the first.
  EndGrace("ada", absl::Seconds(2));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("ada away for 2s"));
  EndGrace("ada", absl::Seconds(2));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, EndsAGraceEarlierThatHasBecomeShorter) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Hours(1));
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada", "ada away for 1h",
                                              "ada away for 5s"));
  EndGrace("ada", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  // The other call comes in vain, whoever is there then.
  Join("ada", 1, "1.1");
  EndGrace("ada", absl::Hours(1));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada"));
}

TEST_P(AnEngine, GivesGraceToThoseWhomAGatewayHasNoMore) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Leave("bob", 1, "1.2", absl::Seconds(5));
  Heard();
  Replace(1, {}, absl::Seconds(3));
  // Who was away before is not away anew.
  EXPECT_THAT(Heard(), ::testing::ElementsAre("ada away for 3s"));
  EXPECT_THAT(engine_->ChannelsOf(1), ::testing::IsEmpty());
  Replace(2, {{User("ada"), {"2.1"}}});
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
  Replace(2, {});
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  EndGrace("bob", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-bob"));
}

TEST_P(AnEngine, RemovesAllMembersOfAChannel) {
  Join("ada", 1, "1.1");
  Join("bob", 2, "2.1");
  Join("cyd", 2, "2.2");
  Leave("cyd", 2, "2.2", absl::Seconds(5));
  Heard();
  engine_->RemoveMembers("presence-room");
  engine_->RemoveMembers("presence-other");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada", "-bob", "-cyd"));
  EXPECT_EQ(engine_->TotalMemberCount(), 0);
  EXPECT_THAT(engine_->PresenceChannels(), ::testing::IsEmpty());
  Leave("ada", 1, "1.1");
  EndGrace("cyd", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
}

TEST_P(AnEngine, SaysHowManyBytesItsMembersWouldHave) {
  const auto with = [&](const std::string& id, const std::string& info) {
    return engine_->MemberBytesWith("presence-room", User(id, info));
  };
  EXPECT_EQ(with("ada", "12"), 5);
  engine_->Join("presence-room", User("ada", "12"), {1, "1.1"});
  engine_->Join("presence-room", User("ada", "other"), {2, "2.1"});
  EXPECT_EQ(with("bo", "1"), 8);
  EXPECT_EQ(with("ada", "other"), 5) << "the first user_info holds";
  Replace(1, {{User("bo", "1"), {"1.2"}}});
  EXPECT_EQ(with("ada", ""), 8);
  Leave("ada", 2, "2.1");
  EXPECT_EQ(with("bo", ""), 3);
  Leave("bo", 1, "1.2");
  EXPECT_EQ(with("cyd", ""), 3);
}

TEST_P(AnEngine, ListsMembersInOrderWithTheirSockets) {
  engine_->Join("presence-room", User("bob", "2"), {1, "1.2"});
  engine_->Join("presence-room", User("ada", "1"), {1, "1.1"});
  engine_->Join("presence-room", User("ada", "other"), {2, "2.1"});
  const auto members = engine_->Members("presence-room");
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].user_id(), "ada");
  EXPECT_EQ(members[0].user_info(), "1");
  EXPECT_THAT(members[0].socket_ids(), ::testing::ElementsAre("1.1", "2.1"));
  EXPECT_EQ(members[1].user_id(), "bob");
  EXPECT_THAT(engine_->Members("presence-other"), ::testing::IsEmpty());
}

TEST_P(AnEngine, PagesThroughMembersThatComeAndGo) {
  for (const char* user : {"eve", "ada", "dan", "bob"}) Join(user, 1, user);
  const auto page = [&](const char* after, PageSize size) {
    std::string text;
    const MembersPage part =
        engine_->MembersAfter("presence-room", after, size);
    for (const v1::PresentMember& member : part.members) {
      text += member.user_id() + " ";
    }
    return text + (part.more ? "..." : ".");
  };
  EXPECT_EQ(page("", {2, 1000}), "ada bob ...");
  EXPECT_EQ(page("", {4, 1000}), "ada bob dan eve .");
  EXPECT_EQ(page("", {100, 1}), "ada ...") << "one alone may be larger";
  Leave("bob", 1, "bob");
  Join("cyd", 1, "cyd");
  EXPECT_EQ(page("bob", {2, 1000}), "cyd dan ...");
  EXPECT_EQ(page("dan", {2, 1000}), "eve .");
  EXPECT_EQ(page("eve", {2, 1000}), ".");
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_PRESENCE_SUITE_H_
