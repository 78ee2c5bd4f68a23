// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/encoded_message.h"

#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/gateway/protocol/counting_dialect.h"

namespace herald::gateway {
namespace {

TEST(AnEncodedMessage, IsEncodedOncePerDialectAndOnlyWhenNeeded) {
  const CountingDialect first(0), second(1);
  const EncodedMessagePtr message = ShareMessage(UnsubscribedMessage{"a", ""});
  EXPECT_EQ(first.encoded, 0);
  const FrameBytes frames = message->For(first);
  EXPECT_EQ(*frames, "0a;");
  EXPECT_EQ(message->For(first), frames);
  EXPECT_EQ(first.encoded, 1);
  EXPECT_EQ(second.encoded, 0);
  EXPECT_EQ(*message->For(second), "1a;");
  EXPECT_EQ(*message->For(first), "0a;");
}

TEST(AnEncodedMessage, MayHaveNoFrames) {
  const CountingDialect dialect(0);
  EXPECT_EQ(*ShareMessage(PongMessage())->For(dialect), "");
}

TEST(AnEncodedMessage, IsEncodedOnceHoweverManyLoopsNeedIt) {
  const CountingDialect dialect(0);
  for (int round = 0; round < 100; ++round) {
    const EncodedMessagePtr message =
        ShareMessage(UnsubscribedMessage{std::to_string(round), ""});
    std::vector<FrameBytes> frames(4);
    std::vector<std::thread> loops;
    for (FrameBytes& one : frames) {
      loops.emplace_back([&] { one = message->For(dialect); });
    }
    for (std::thread& loop : loops) loop.join();
    for (const FrameBytes& one : frames) EXPECT_EQ(one, frames[0]);
    EXPECT_EQ(dialect.encoded, round + 1);
  }
}

}  // namespace
}  // namespace herald::gateway
