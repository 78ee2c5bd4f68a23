// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/roster.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::Member User(const std::string& id, const std::string& info = "") {
  v1::Member member;
  member.set_user_id(id);
  member.set_user_info(info);
  return member;
}

// "id=info" of each member.
std::vector<std::string> Shown(Roster& roster) {
  std::vector<std::string> shown;
  for (const auto& member : roster.Snapshot()->all) {
    shown.push_back(absl::StrCat(member->user_id(), "=", member->user_info()));
  }
  return shown;
}

TEST(ARoster, IsShownInTheOrderOfUserIds) {
  Roster roster;
  EXPECT_THAT(Shown(roster), IsEmpty());
  roster.Add(User("bob"));
  roster.Add(User("ada", R"({"a":1})"));
  EXPECT_THAT(Shown(roster), ElementsAre(R"(ada={"a":1})", "bob="));
  roster.Remove("ada");
  EXPECT_THAT(Shown(roster), ElementsAre("bob="));
}

TEST(ARoster, HasOneSnapshotUntilItChanges) {
  Roster roster;
  roster.Add(User("ada", "12345"));
  const MembersPtr before = roster.Snapshot();
  EXPECT_EQ(roster.Snapshot(), before);
  EXPECT_GE(before->bytes, 8);
  roster.Add(User("bob"));
  EXPECT_EQ(before->all.size(), 1u) << "a snapshot never changes";
  EXPECT_EQ(roster.Snapshot()->all.size(), 2u);
  EXPECT_EQ(roster.Snapshot()->all[0], before->all[0]) << "members are shared";
}

TEST(ARoster, CountsAUserOnce) {
  Roster roster;
  EXPECT_TRUE(roster.Add(User("ada", "1")));
  EXPECT_FALSE(roster.Add(User("ada", "2")));
  EXPECT_THAT(Shown(roster), ElementsAre("ada=1"));
  EXPECT_TRUE(roster.Remove("ada"));
  EXPECT_FALSE(roster.Remove("ada"));
}

TEST(ARoster, HasTheDifferenceToTheTruth) {
  Roster roster;
  roster.Add(User("ada"));
  roster.Add(User("bob"));
  link::v1::Roster truth;
  *truth.add_members() = User("bob");
  *truth.add_members() = User("cyd");

  const Roster::Difference difference = roster.Replace(truth);

  ASSERT_EQ(difference.added.size(), 1u);
  EXPECT_EQ(difference.added[0].user_id(), "cyd");
  EXPECT_THAT(difference.removed, ElementsAre("ada"));
  const Roster::Difference again = roster.Replace(truth);
  EXPECT_THAT(again.added, IsEmpty());
  EXPECT_THAT(again.removed, IsEmpty());
}

TEST(OwnMembersOfAGateway, AreHeldWithTheirSockets) {
  OwnMembers members;
  members.Add(User("ada", "1"), "7.1");
  members.Add(User("ada", "1"), "7.2");
  members.Add(User("bob", "2"), "7.3");
  members.Remove("bob", "7.3");
  members.Remove("bob", "7.3");
  const auto parts = members.Parts(1000);
  ASSERT_EQ(parts.size(), 1u);
  ASSERT_EQ(parts[0].members_size(), 1);
  EXPECT_EQ(parts[0].members(0).member().user_id(), "ada");
  EXPECT_THAT(parts[0].members(0).socket_ids(), ElementsAre("7.1", "7.2"));
}

TEST(OwnMembersOfAGateway, AreSplitIntoPartsOfABoundedSize) {
  OwnMembers members;
  EXPECT_EQ(members.Parts(1000).size(), 1u) << "an empty one";
  for (int i = 0; i < 100; ++i) {
    members.Add(User("ada", "1"), absl::StrCat("7.", i));
    members.Add(User(absl::StrCat("user", i), std::string(100, '1')),
                absl::StrCat("8.", i));
  }
  std::set<std::string> sockets;
  const auto parts = members.Parts(1000);
  for (const link::v1::Held& part : parts) {
    EXPECT_LE(part.ByteSizeLong(), 1000u + 200u);
    for (const link::v1::HeldMember& member : part.members()) {
      EXPECT_FALSE(member.member().user_info().empty());
      sockets.insert(member.socket_ids().begin(), member.socket_ids().end());
    }
  }
  EXPECT_GT(parts.size(), 10u);
  EXPECT_EQ(sockets.size(), 200u);
}

TEST(OwnMembersOfAGateway, AreHeldWhileOneSubscriptionOfTheSocketIsLeft) {
  OwnMembers members;
  members.Add(User("ada", "1"), "7.1");
  members.Add(User("ada", "1"), "7.1");
  members.Remove("ada", "7.1");
  EXPECT_FALSE(members.empty());
  members.Remove("ada", "7.1");
  EXPECT_TRUE(members.empty());
}

}  // namespace
}  // namespace herald::gateway
