// SPDX-License-Identifier: Apache-2.0
//
// The memory of revocations, on a clock of the test's own.

#include "clients/cpp/revocation_log.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::client {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;

class Remembering : public ::testing::Test {
 protected:
  void Append(const std::string& user, const std::string& channel = "") {
    v1::Revocation revocation;
    revocation.set_user_id(user);
    revocation.set_channel(channel);
    revocation.set_reason("because of " + user);
    log_.Append(revocation, now_);
  }

  // The users from `position` to the end.
  std::vector<std::string> Users(RevocationLog::Cursor position) {
    std::vector<std::string> users;
    while (const auto response = log_.Read(position++).response) {
      users.push_back(response->revocation().user_id());
    }
    return users;
  }

  RevocationLog::Clock::time_point now_{};
  RevocationLog log_{minutes(10), /*entries_max=*/3};
};

TEST_F(Remembering, KeepsTheOrder) {
  Append("ada");
  Append("bob");

  EXPECT_THAT(Users(log_.Begin(now_)), ElementsAre("ada", "bob"));
  EXPECT_EQ(log_.End(), 2u);
}

TEST_F(Remembering, ForgetsBeyondItsMemory) {
  Append("ada");
  now_ += minutes(6);
  Append("bob");

  now_ += minutes(4);
  EXPECT_THAT(Users(log_.Begin(now_)), ElementsAre("ada", "bob"));
  now_ += minutes(1);
  EXPECT_THAT(Users(log_.Begin(now_)), ElementsAre("bob"));
  EXPECT_TRUE(log_.Read(0).forgotten);
  EXPECT_EQ(log_.End(), 2u);
}

TEST_F(Remembering, ForgetsTheOldestWhenItIsFull) {
  for (const char* user : {"ada", "bob", "eve", "joe"}) Append(user);

  EXPECT_THAT(Users(log_.Begin(now_)), ElementsAre("bob", "eve", "joe"));
  EXPECT_TRUE(log_.Read(0).forgotten);
  EXPECT_FALSE(log_.Read(1).forgotten);
}

TEST_F(Remembering, HasNothingAtItsEnd) {
  EXPECT_FALSE(log_.Read(0).forgotten);
  EXPECT_EQ(log_.Read(0).response, nullptr);
}

TEST_F(Remembering, FindsTheUserOfAGrantFromAPositionOn) {
  Append("ada", "private-a");
  const auto after_ada = log_.End();
  Append("bob");

  EXPECT_EQ(log_.Find(0, "1.2", "private-a", "ada"), "because of ada");
  EXPECT_EQ(log_.Find(0, "1.2", "private-b", "ada"), std::nullopt);
  EXPECT_EQ(log_.Find(after_ada, "1.2", "private-a", "ada"), std::nullopt);
  EXPECT_EQ(log_.Find(0, "1.2", "private-b", "bob"), "because of bob");
  EXPECT_EQ(log_.Find(0, "1.2", "private-b", ""), std::nullopt);
}

TEST_F(Remembering, FindsTheSocketOfAGrant) {
  v1::Revocation revocation;
  revocation.set_socket_id("1.2");
  log_.Append(revocation, now_);

  EXPECT_EQ(log_.Find(0, "1.2", "private-a", ""), "");
  EXPECT_EQ(log_.Find(0, "1.3", "private-a", ""), std::nullopt);
}

TEST_F(Remembering, RevokesWhenItsMemoryIsTooShort) {
  for (const char* user : {"ada", "bob", "eve", "joe"}) Append(user);

  EXPECT_NE(log_.Find(0, "1.2", "private-a", "nobody"), std::nullopt);
  EXPECT_EQ(log_.Find(1, "1.2", "private-a", "nobody"), std::nullopt);
}

}  // namespace
}  // namespace herald::client
