// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/outbox.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

Frame Bytes(const std::string& text) {
  return Frame(std::make_shared<const std::string>(text));
}

// What a gather write with `parts` buffers would send.
std::string Gathered(const Outbox& outbox, size_t parts = 64) {
  std::vector<iovec> buffers(parts);
  std::string text;
  const size_t used = outbox.Gather(absl::MakeSpan(buffers));
  for (size_t i = 0; i < used; ++i) {
    text.append(static_cast<const char*>(buffers[i].iov_base),
                buffers[i].iov_len);
  }
  return text;
}

TEST(AnOutbox, GathersWhatWaitsInOrder) {
  Outbox outbox;
  EXPECT_TRUE(outbox.Push(Bytes("one"), 100));
  EXPECT_TRUE(outbox.Push(Bytes("two"), 100));
  EXPECT_TRUE(outbox.Push(Bytes("three"), 100));

  EXPECT_EQ(Gathered(outbox), "onetwothree");
  EXPECT_EQ(Gathered(outbox, 2), "onetwo");
  EXPECT_EQ(outbox.size_bytes(), 11u);
}

TEST(AnOutbox, GoesOnWhereAPartialWriteEnded) {
  Outbox outbox;
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    const std::string text = "frame" + std::to_string(i);
    expected += text;
    outbox.PushUnbounded(Bytes(text));
  }
  for (size_t step = 1; !outbox.empty(); ++step) {
    EXPECT_EQ(Gathered(outbox), expected);
    const size_t bytes = std::min(step, outbox.size_bytes());
    outbox.Advance(bytes);
    expected.erase(0, bytes);
    EXPECT_EQ(outbox.size_bytes(), expected.size());
  }
  EXPECT_EQ(expected, "");
  EXPECT_EQ(outbox.frame_count(), 0u);
}

TEST(AnOutbox, TakesAFrameThatHasBegunToLeave) {
  Outbox outbox;
  EXPECT_TRUE(outbox.Push(Bytes("one,"), /*bytes_max=*/1, /*written=*/2));
  outbox.PushUnbounded(Bytes("two"));
  EXPECT_EQ(outbox.size_bytes(), 5u);
  EXPECT_EQ(Gathered(outbox), "e,two");
  outbox.Advance(3);
  EXPECT_EQ(Gathered(outbox), "wo");
}

TEST(AnOutbox, KeepsTheRestOfAFrameThatHasBegunToLeave) {
  Outbox outbox;
  EXPECT_TRUE(outbox.Push(Bytes("one,"), 100, /*written=*/1));
  outbox.PushUnbounded(Bytes("two"));
  outbox.Clear();
  EXPECT_EQ(Gathered(outbox), "ne,");
}

TEST(AnOutbox, RefusesWhatWouldExceedItsBound) {
  Outbox outbox;
  EXPECT_TRUE(outbox.Push(Bytes("12345"), 10));
  EXPECT_TRUE(outbox.Push(Bytes("12345"), 10));
  EXPECT_FALSE(outbox.Push(Bytes("x"), 10));
  EXPECT_EQ(outbox.size_bytes(), 10u);
  outbox.Advance(1);
  EXPECT_TRUE(outbox.Push(Bytes("x"), 10));
}

TEST(AnOutbox, TakesOneFrameOfAnySizeWhenItIsEmpty) {
  Outbox outbox;
  EXPECT_TRUE(outbox.Push(Bytes(std::string(1000, 'x')), 10));
  EXPECT_FALSE(outbox.Push(Bytes("y"), 10));
}

TEST(AnOutbox, KeepsTheRestOfABegunFrameWhenItIsCleared) {
  Outbox outbox;
  outbox.PushUnbounded(Bytes("first"));
  outbox.PushUnbounded(Bytes("second"));
  outbox.PushUnbounded(Bytes("third"));
  outbox.Advance(7);
  outbox.Clear();
  EXPECT_EQ(Gathered(outbox), "cond");
  outbox.PushUnbounded(Bytes("close"));
  EXPECT_EQ(Gathered(outbox), "condclose");
}

TEST(AnOutbox, IsEmptyAfterClearWhenNoFrameWasBegun) {
  Outbox outbox;
  outbox.PushUnbounded(Bytes("first"));
  outbox.PushUnbounded(Bytes("second"));
  outbox.Advance(5);
  outbox.Clear();
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(Gathered(outbox), "");
}

TEST(AnOutbox, LetsGoOfFramesThatAreWritten) {
  Outbox outbox;
  auto bytes = std::make_shared<const std::string>("hello");
  const std::weak_ptr<const std::string> watched = bytes;
  outbox.PushUnbounded(Frame(std::move(bytes)));
  outbox.PushUnbounded(Bytes("more"));
  outbox.Advance(5);
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace herald::gateway
