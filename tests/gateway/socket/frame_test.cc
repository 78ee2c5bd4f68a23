// SPDX-License-Identifier: Apache-2.0

#include "gateway/socket/frame.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/gateway/keys.h"
#include "tests/gateway/text_dialect.h"

namespace herald::gateway {
namespace {

TEST(AFrame, MayBeTheEndOfMany) {
  const auto many = std::make_shared<const std::string>("one,two,three");
  const Frame end(many, 4);
  EXPECT_EQ(end.bytes(), "two,three");
  EXPECT_EQ(end.size(), 9u);
  EXPECT_EQ(end.bytes().data(), many->data() + 4) << "and shares their bytes";
  EXPECT_EQ(end.droppable(), nullptr);
}

TEST(AFrame, SharesItsBytesAmongCopiesAndFreesThemWithTheLast) {
  auto bytes = std::make_shared<const std::string>("hello");
  const std::weak_ptr<const std::string> watched = bytes;
  {
    Frame first(std::move(bytes));
    Frame second = first;
    Frame third = std::move(first);
    second = third;
    EXPECT_EQ(second.bytes(), "hello");
    EXPECT_EQ(second.bytes().data(), third.bytes().data());
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(AFrame, OfADroppableEventHasThePositionBeforeIt) {
  SubscribedMessage lost{"ticks", nullptr, v1::Position(), false};
  lost.position->set_offset(6);
  const Frame event = DroppableFrame(
      "7", {Droppable::Kind::kEvent, contract::ChannelKey(Key("ticks")),
            ShareMessage(std::move(lost))});
  const Frame before = event.LostBefore();
  EXPECT_EQ(before.bytes(), "pticks6;");
  EXPECT_EQ(before.droppable()->kind, Droppable::Kind::kPosition);
  EXPECT_EQ(before.droppable()->channel, Key("ticks"));
}

}  // namespace
}  // namespace herald::gateway
