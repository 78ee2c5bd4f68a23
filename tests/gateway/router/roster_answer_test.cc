// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/roster_answer.h"

#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

class ARosterAnswer : public ::testing::Test {
 protected:
  FrameBytes Get(const v1::Position* position = nullptr,
                 std::optional<bool> recovered = std::nullopt) {
    return answer_.Get(members_, position, recovered,
                       [this](const std::string* members) {
                         ++encoded_;
                         return std::make_shared<const std::string>(*members);
                       });
  }

  void SetMembers(std::string json) {
    members_ = std::make_shared<const std::string>(std::move(json));
  }

  RosterAnswer answer_;
  Roster::JsonPtr members_ = std::make_shared<const std::string>("[1]");
  int encoded_ = 0;
};

TEST_F(ARosterAnswer, IsEncodedOnceForAllWhoGetIt) {
  const FrameBytes first = Get();
  EXPECT_EQ(*first, "[1]");
  EXPECT_EQ(Get(), first);
  EXPECT_EQ(Get(), first);
  EXPECT_EQ(encoded_, 1);
}

TEST_F(ARosterAnswer, IsMadeAnewWhenItsContentChanges) {
  v1::Position position;
  position.set_epoch("e");
  position.set_offset(1);
  const FrameBytes first = Get();
  SetMembers("[2]");
  const FrameBytes second = Get();
  EXPECT_EQ(*second, "[2]");
  const FrameBytes third = Get(&position);
  position.set_offset(2);
  const FrameBytes fourth = Get(&position);
  const FrameBytes fifth = Get(&position, true);
  const FrameBytes sixth = Get(&position, false);
  EXPECT_EQ(encoded_, 6);
  EXPECT_EQ(Get(&position, false), sixth);
  EXPECT_EQ(encoded_, 6);
}

TEST_F(ARosterAnswer, IsNotKeptWhenNoSocketWaitsForIt) {
  const std::weak_ptr<const std::string> frame = Get();
  EXPECT_TRUE(frame.expired());
  EXPECT_EQ(*Get(), "[1]");
  EXPECT_EQ(encoded_, 2);
}

}  // namespace
}  // namespace herald::gateway
