// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/roster.h"

#include <set>
#include <string>

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

TEST(ARoster, IsShownInTheOrderOfUserIds) {
  Roster roster;
  EXPECT_EQ(*roster.Json(), "[]");
  roster.Add(User("bob"));
  roster.Add(User("ada", R"({"a":1})"));
  EXPECT_EQ(*roster.Json(), R"([{"user_id":"ada","user_info":{"a":1}},)"
                            R"({"user_id":"bob","user_info":null}])");
  roster.Remove("ada");
  EXPECT_EQ(*roster.Json(), R"([{"user_id":"bob","user_info":null}])");
}

TEST(ARoster, CountsAUserOnce) {
  Roster roster;
  EXPECT_TRUE(roster.Add(User("ada", "1")));
  EXPECT_FALSE(roster.Add(User("ada", "2")));
  EXPECT_EQ(*roster.Json(), R"([{"user_id":"ada","user_info":1}])");
  EXPECT_TRUE(roster.Remove("ada"));
  EXPECT_FALSE(roster.Remove("ada"));
}

TEST(ARoster, SaysWhatTheTruthChanges) {
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
