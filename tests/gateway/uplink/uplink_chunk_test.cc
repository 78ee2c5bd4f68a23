// SPDX-License-Identifier: Apache-2.0

#include "gateway/uplink/uplink_chunk.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

using link::v1::AttachRequest;
using link::v1::GatewayItem;

std::string Moved(UplinkChunk chunk) {
  const int64_t size = chunk.bytes();
  std::string bytes;
  std::move(chunk).MoveTo(&bytes);
  EXPECT_EQ(static_cast<int64_t>(bytes.size()), size);
  return bytes;
}

GatewayItem WhisperOf(size_t bytes) {
  GatewayItem item;
  item.mutable_whisper()->set_channel("news");
  item.mutable_whisper()->set_data(std::string(bytes, 'x'));
  return item;
}

GatewayItem CancelOf(int64_t ticket) {
  GatewayItem item;
  item.mutable_cancel()->set_ticket(ticket);
  return item;
}

TEST(AnUplinkChunk, HasTheBytesOfAFrameWithItsItem) {
  // Lengths of one, two and three bytes.
  for (const size_t bytes : {0, 100, 110, 120, 130, 20'000}) {
    AttachRequest frame;
    *frame.add_items() = WhisperOf(bytes);
    const std::string expected = frame.SerializeAsString();
    EXPECT_EQ(Moved(UplinkChunk::Encode(WhisperOf(bytes))), expected);
    EXPECT_EQ(Moved(UplinkChunk::Encode(frame)), expected);
    EXPECT_EQ(Moved(UplinkChunk::Defer(WhisperOf(bytes))), expected);
  }
}

TEST(AnUplinkChunk, IsOneFrameWithTheChunksAroundIt) {
  AttachRequest all;
  *all.add_items() = WhisperOf(7);
  *all.add_items() = CancelOf(300);
  *all.add_items() = WhisperOf(8);

  std::string bytes;
  UplinkChunk::Defer(WhisperOf(7)).MoveTo(&bytes);
  UplinkChunk::Encode(CancelOf(300)).MoveTo(&bytes);
  UplinkChunk::Defer(WhisperOf(8)).MoveTo(&bytes);
  EXPECT_EQ(bytes, all.SerializeAsString());
}

TEST(AnUplinkChunk, JoinsEncodedChunksOnly) {
  AttachRequest both;
  *both.add_items() = WhisperOf(7);
  *both.add_items() = CancelOf(300);

  UplinkChunk chunk = UplinkChunk::Encode(WhisperOf(7));
  EXPECT_FALSE(chunk.TryJoin(UplinkChunk::Defer(CancelOf(1))));
  EXPECT_TRUE(chunk.TryJoin(UplinkChunk::Encode(CancelOf(300))));
  EXPECT_EQ(Moved(std::move(chunk)), both.SerializeAsString());

  UplinkChunk deferred = UplinkChunk::Defer(CancelOf(1));
  EXPECT_FALSE(deferred.TryJoin(UplinkChunk::Encode(CancelOf(2))));
}

}  // namespace
}  // namespace herald::gateway
