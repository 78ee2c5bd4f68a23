// SPDX-License-Identifier: Apache-2.0
//
// Frames as RFC 6455 section 5.2 has them: the lengths are where it is easy to
// be wrong by one.

#include "gateway/protocol/text_frame.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

std::vector<int> HeadOf(size_t payload_bytes, size_t head_bytes) {
  std::string frame;
  AppendTextFrame(std::string(payload_bytes, 'x'), &frame);
  EXPECT_EQ(frame.size(), payload_bytes + head_bytes);
  EXPECT_EQ(PayloadOf(frame), std::string(payload_bytes, 'x'));
  std::vector<int> head;
  for (size_t i = 0; i < head_bytes; ++i) {
    head.push_back(static_cast<unsigned char>(frame[i]));
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

TEST(AFrame, IsAppendedToThoseBefore) {
  std::string frames;
  AppendTextFrame("one", &frames);
  AppendTextFrame("", &frames);
  EXPECT_EQ(frames, std::string("\x81\x03one\x81\x00", 7));
}

}  // namespace
}  // namespace herald::gateway
