// SPDX-License-Identifier: Apache-2.0
//
// Frames as RFC 6455 section 5.2 has them: the lengths are where it is easy to
// be wrong by one.

#include "gateway/protocol/frame.h"

#include <vector>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

std::vector<int> HeadOf(size_t payload_bytes, size_t head_bytes) {
  const FrameBytes frame = EncodeTextFrame(std::string(payload_bytes, 'x'));
  EXPECT_EQ(frame->size(), payload_bytes + head_bytes);
  EXPECT_EQ(PayloadOf(*frame), std::string(payload_bytes, 'x'));
  std::vector<int> head;
  for (size_t i = 0; i < head_bytes; ++i) {
    head.push_back(static_cast<unsigned char>((*frame)[i]));
  }
  return head;
}

TEST(AFrame, HasItsLengthInTheShortestForm) {
  EXPECT_EQ(HeadOf(0, 2), (std::vector<int>{0x81, 0}));
  EXPECT_EQ(HeadOf(125, 2), (std::vector<int>{0x81, 125}));
  EXPECT_EQ(HeadOf(126, 4), (std::vector<int>{0x81, 126, 0, 126}));
  EXPECT_EQ(HeadOf(65535, 4), (std::vector<int>{0x81, 126, 0xFF, 0xFF}));
  EXPECT_EQ(HeadOf(65536, 10),
            (std::vector<int>{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
}

TEST(AFrame, MayBeTheEndOfMany) {
  const auto many = std::make_shared<const std::string>("one,two,three");
  const Frame end(many, 4);
  EXPECT_EQ(end.bytes(), "two,three");
  EXPECT_EQ(end.size(), 9u);
  EXPECT_EQ(end.bytes().data(), many->data() + 4) << "and shares their bytes";
  EXPECT_EQ(end.droppable(), nullptr);
}

TEST(AFrame, SharesItsBytesAmongCopiesAndFreesThemWithTheLast) {
  FrameBytes bytes = EncodeTextFrame("hello");
  const std::weak_ptr<const std::string> watched = bytes;
  {
    Frame first(std::move(bytes));
    Frame second = first;
    Frame third = std::move(first);
    second = third;
    EXPECT_EQ(PayloadOf(second.bytes()), "hello");
    EXPECT_EQ(second.bytes().data(), third.bytes().data());
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace herald::gateway
