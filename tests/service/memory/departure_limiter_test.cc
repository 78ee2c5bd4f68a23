// SPDX-License-Identifier: Apache-2.0

#include "service/memory/departure_limiter.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

constexpr char kLobby[] = "presence-lobby";

class ADepartureLimiter : public ::testing::Test {
 protected:
  bool IsReady(absl::string_view user = "eve",
               absl::string_view channel = kLobby) const {
    return limiter_.ReadyAt(channel, user) <= now_;
  }
  void Take(absl::string_view user = "eve") {
    limiter_.Take(kLobby, user, now_);
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  DepartureLimiter limiter_;
};

TEST_F(ADepartureLimiter, AllowsABurstAndThenOneASecond) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(IsReady()) << i;
    Take();
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(limiter_.ReadyAt(kLobby, "eve"), now_ + absl::Seconds(1));
    now_ += absl::Seconds(1);
    EXPECT_TRUE(IsReady());
    Take();
  }
}

TEST_F(ADepartureLimiter, CountsEachUserOfEachChannelForItself) {
  for (int i = 0; i < 10; ++i) Take();
  EXPECT_FALSE(IsReady());
  EXPECT_TRUE(IsReady("ada"));
  EXPECT_TRUE(IsReady("eve", "presence-other"));
  EXPECT_TRUE(IsReady("lobby eve", "presence"));
}

TEST_F(ADepartureLimiter, RemembersABucketUntilItIsFull) {
  for (int i = 0; i < 10; ++i) Take();
  now_ += absl::Milliseconds(9'999);
  for (int i = 0; i < 10; ++i) limiter_.ForgetFullOnes(now_);
  EXPECT_EQ(limiter_.size(), 1u);
  now_ += absl::Milliseconds(1);
  limiter_.ForgetFullOnes(now_);
  EXPECT_EQ(limiter_.size(), 0u);
}

// Names in ascending order are those that keep the position from its start
// longest.
TEST_F(ADepartureLimiter, HasAtMostTwiceTheDeparturesOfASecond) {
  constexpr int kPerSecond = 500;
  for (int i = 0; i < 20 * kPerSecond; ++i) {
    Take(absl::StrCat("u", 1'000'000 + i));
    now_ += absl::Seconds(1) / kPerSecond;
    ASSERT_LE(limiter_.size(), 2 * kPerSecond) << i;
  }
}

TEST_F(ADepartureLimiter, ForgetsACrowdThatHasLeftAtOnce) {
  constexpr int kUsers = 3000;
  for (int i = 0; i < kUsers; ++i) Take(absl::StrCat("u", i));
  EXPECT_EQ(limiter_.size(), kUsers);
  now_ += absl::Seconds(1);
  for (int i = 0; i < kUsers / 3; ++i) limiter_.ForgetFullOnes(now_);
  EXPECT_EQ(limiter_.size(), 0u);
  limiter_.ForgetFullOnes(now_);
  Take();
  EXPECT_EQ(limiter_.size(), 1u);
}

}  // namespace
}  // namespace herald::core
