// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/roster_answer.h"

#include <memory>
#include <optional>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

class ARosterAnswer : public ::testing::Test {
 protected:
  EncodedMessagePtr Get(std::optional<v1::Position> position = {},
                        std::optional<bool> recovered = {}) {
    return answer_.Get({"presence-a", members_, position, recovered});
  }

  static v1::Position At(int64_t offset) {
    v1::Position position;
    position.set_epoch("e");
    position.set_offset(offset);
    return position;
  }

  RosterAnswer answer_;
  MembersPtr members_ = std::make_shared<const Members>();
};

TEST_F(ARosterAnswer, IsOneMessageForAllSocketsThatGetIt) {
  const EncodedMessagePtr first = Get();
  EXPECT_EQ(Get(), first);
  const EncodedMessagePtr second = Get(At(1), true);
  EXPECT_EQ(Get(At(1), true), second);
}

TEST_F(ARosterAnswer, IsMadeAnewWhenItsContentChanges) {
  const EncodedMessagePtr first = Get();
  members_ = std::make_shared<const Members>();
  const EncodedMessagePtr second = Get();
  EXPECT_NE(second, first);
  const EncodedMessagePtr third = Get(At(1));
  EXPECT_NE(third, second);
  const EncodedMessagePtr fourth = Get(At(2));
  EXPECT_NE(fourth, third);
  const EncodedMessagePtr fifth = Get(At(2), true);
  EXPECT_NE(fifth, fourth);
  const EncodedMessagePtr sixth = Get(At(2), false);
  EXPECT_NE(sixth, fifth);
  EXPECT_EQ(Get(At(2), false), sixth);
}

TEST_F(ARosterAnswer, IsNotKeptWhenNoSocketWaitsForIt) {
  const std::weak_ptr<const EncodedMessage> message = Get();
  EXPECT_TRUE(message.expired());
}

}  // namespace
}  // namespace herald::gateway
