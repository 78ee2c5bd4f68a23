// SPDX-License-Identifier: Apache-2.0

#include "gateway/socket/outbox.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gateway/keys.h"
#include "tests/gateway/text_dialect.h"

namespace herald::gateway {
namespace {

using ::testing::Not;

Frame Bytes(const std::string& text) {
  return Frame(std::make_shared<const std::string>(text));
}

// The bytes that a gather write with `parts` buffers would send.
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

TEST(AnOutbox, GathersWaitingFramesInOrder) {
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

TEST(AnOutbox, RefusesAFrameThatWouldExceedItsBound) {
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

// A frame that may be dropped: `channel` and a number for its place in order.
// If `history`, a `p` frame with the number before it reports a loss.
Frame Event(const std::string& channel, int number, bool history = false) {
  Droppable droppable{Droppable::Kind::kEvent,
                      contract::ChannelKey(Key(channel))};
  if (history) {
    SubscribedMessage lost{channel, nullptr, v1::Position(), false};
    lost.position->set_offset(number - 1);
    droppable.lost = ShareMessage(std::move(lost));
  }
  return DroppableFrame(absl::StrCat("e", channel, number, ";"),
                        std::move(droppable));
}
Frame Whisper(const std::string& channel) {
  return DroppableFrame(
      "w" + channel + ";",
      {Droppable::Kind::kWhisper, contract::ChannelKey(Key(channel))});
}

TEST(AnOutbox, DropsAllButTheLatestEventOfEachChannel) {
  Outbox outbox;
  size_t mark = 0;
  for (const Frame& frame :
       {Event("a", 1), Bytes("s;"), Event("b", 1), Whisper("b"), Event("a", 2),
        Event("b", 2), Whisper("a"), Bytes("t;")}) {
    outbox.PushUnbounded(frame);
  }
  const auto dropped = outbox.PushOverLatest(Event("a", 3), 100, &mark);
  EXPECT_TRUE(dropped.taken);
  EXPECT_EQ(dropped.events, 5);
  EXPECT_EQ(Gathered(outbox), "s;eb2;t;ea3;");
  EXPECT_EQ(outbox.size_bytes(), Gathered(outbox).size());
}

TEST(AnOutbox, ReportsALossBeforeTheLatestEventOfAHistory) {
  Outbox outbox;
  size_t mark = 0;
  for (const Frame& frame : {Event("a", 1, true), Event("b", 7, true),
                             Event("a", 2, true), Event("b", 8, true)}) {
    outbox.PushUnbounded(frame);
  }
  outbox.PushOverLatest(Bytes("s;"), 100, &mark);
  EXPECT_EQ(Gathered(outbox), "pa1;ea2;pb7;eb8;s;");
  // The next loss takes the place of the one before.
  const auto dropped = outbox.PushOverLatest(Event("a", 3, true), 100, &mark);
  EXPECT_EQ(dropped.events, 1) << "what tells of a loss is no event";
  EXPECT_EQ(Gathered(outbox), "pb7;eb8;s;pa2;ea3;");
  // If nothing more is lost, the report stays the same.
  outbox.PushOverLatest(Bytes("t;"), 100, &mark);
  EXPECT_EQ(Gathered(outbox), "pb7;eb8;s;pa2;ea3;t;");
}

TEST(AnOutbox, KeepsAnEventThatHasBegunToLeave) {
  Outbox outbox;
  size_t mark = 0;
  EXPECT_TRUE(outbox.Push(Event("a", 1, true), 100, /*written=*/1));
  outbox.PushUnbounded(Event("a", 2, true));
  outbox.PushOverLatest(Event("a", 3, true), 100, &mark);
  EXPECT_EQ(Gathered(outbox), "a1;pa2;ea3;");
}

TEST(AnOutbox, IsFullIfDroppingFreesTooLittle) {
  Outbox outbox;
  size_t mark = 0;
  outbox.PushUnbounded(Bytes(std::string(64, 's')));
  outbox.PushUnbounded(Event("a", 1));
  // Of 80, an eighth and the frame have to be free.
  EXPECT_TRUE(outbox.PushOverLatest(Event("a", 2), 80, &mark).taken);
  outbox.PushUnbounded(Bytes("ss"));
  EXPECT_TRUE(outbox.PushOverLatest(Event("a", 3), 80, &mark).taken);
  outbox.PushUnbounded(Bytes("s"));
  EXPECT_FALSE(outbox.PushOverLatest(Event("a", 4), 80, &mark).taken);
  // But nobody is cut for a whisper.
  outbox.PushUnbounded(Bytes("s"));
  const auto whisper = outbox.PushOverLatest(Whisper("a"), 80, &mark);
  EXPECT_TRUE(whisper.taken);
  EXPECT_EQ(whisper.events, 1);
}

// A client's state after it received `wire`: the last number of each channel,
// and all other frames in order. Fails if a number is missing without a report
// of its loss.
struct Heard {
  explicit Heard(const std::string& wire) {
    for (const absl::string_view one :
         absl::StrSplit(wire, ';', absl::SkipEmpty())) {
      if (one[0] == 'w') continue;
      if (one[0] != 'e' && one[0] != 'p') {
        absl::StrAppend(&plain, one, ";");
        continue;
      }
      int number = 0;
      EXPECT_TRUE(absl::SimpleAtoi(one.substr(2), &number)) << wire;
      int& last = at[std::string(one.substr(1, 1))];
      if (one[0] == 'e') {
        EXPECT_EQ(number, last + 1) << wire;
      } else {
        EXPECT_GE(number, last) << wire;
      }
      last = number;
    }
  }
  std::map<std::string, int> at;
  std::string plain;
};

// A client that reads whenever the kernel likes, and an outbox far too small.
TEST(AnOutbox, KeepsOrderAndStateAndReportsEachLoss) {
  constexpr unsigned kSeed = 21;
  constexpr size_t kBytesMax = 120;
  std::mt19937 random(kSeed);
  int dropped_events = 0;
  for (int round = 0; round < 1000; ++round) {
    Outbox outbox;
    std::string wire, plain;
    std::map<std::string, int> said;
    std::optional<size_t> mark;  // The bytes left up to a certain frame.
    const auto read = [&](size_t bytes) {
      bytes = std::min(bytes, outbox.size_bytes());
      wire += Gathered(outbox, 200).substr(0, bytes);
      outbox.Advance(bytes);
      if (mark.has_value()) *mark -= std::min(*mark, bytes);
      if (mark == size_t{0}) {
        EXPECT_THAT(wire, ::testing::HasSubstr("MARK;")) << kSeed;
        mark.reset();
      } else if (mark.has_value()) {
        EXPECT_THAT(wire, Not(::testing::HasSubstr("MARK;"))) << kSeed;
      }
    };
    for (int step = 0; step < 60; ++step) {
      const std::string channel = random() % 2 == 0 ? "a" : "b";
      Frame frame;
      switch (random() % 6) {
        case 0:
          frame = Whisper(channel);
          break;
        case 1:
          frame = Bytes(absl::StrCat("s", step, ";"));
          absl::StrAppend(&plain, frame.bytes());
          break;
        default:
          frame = Event(channel, ++said[channel], /*history=*/true);
      }
      if (!outbox.Push(frame, kBytesMax)) {
        size_t place = mark.value_or(0);
        const auto dropped = outbox.PushOverLatest(frame, kBytesMax, &place);
        if (mark.has_value()) mark = place;
        dropped_events += static_cast<int>(dropped.events);
        if (!dropped.taken) read(outbox.size_bytes());
        if (!dropped.taken) outbox.PushUnbounded(frame);
      }
      if (step == 30) {
        outbox.PushUnbounded(Bytes("MARK;"));
        plain += "MARK;";
        mark = outbox.size_bytes();
      }
      if (random() % 4 == 0) read(random() % 40);
    }
    read(outbox.size_bytes());
    const Heard heard(wire);
    ASSERT_EQ(heard.at, said) << "seed " << kSeed << ": " << wire;
    ASSERT_EQ(heard.plain, plain) << "seed " << kSeed;
  }
  EXPECT_GT(dropped_events, 1000);
}

}  // namespace
}  // namespace herald::gateway
