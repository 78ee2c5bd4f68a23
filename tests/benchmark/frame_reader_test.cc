// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/frame_reader.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/benchmark/failure.h"
#include "tests/benchmark/websocket_bytes.h"

namespace herald::benchmark {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using Frames = std::vector<std::pair<Opcode, std::string>>;

Frames Feed(FrameReader* reader, absl::string_view bytes) {
  Frames frames;
  reader->Feed(bytes, [&](const ServerFrame& frame) {
    frames.emplace_back(frame.opcode, std::string(frame.payload));
  });
  return frames;
}

TEST(FrameReader, ReadsSeveralFramesOfOneRead) {
  FrameReader reader;
  const std::string bytes =
      absl::StrCat(ServerTextFrame("one"), std::string("\x89\x02hi", 4),
                   ServerTextFrame(""));
  EXPECT_THAT(Feed(&reader, bytes),
              ElementsAre(Pair(Opcode::kText, "one"), Pair(Opcode::kPing, "hi"),
                          Pair(Opcode::kText, "")));
  EXPECT_EQ(reader.rest_bytes(), 0u);
}

TEST(FrameReader, ReadsAFrameThatIsSplitAnywhere) {
  for (const size_t length : {0u, 5u, 125u, 126u, 300u}) {
    const std::string first(length, 'a');
    const std::string bytes =
        absl::StrCat(ServerTextFrame(first), ServerTextFrame("next"));
    for (size_t split = 0; split <= bytes.size(); ++split) {
      FrameReader reader;
      Frames frames = Feed(&reader, bytes.substr(0, split));
      for (auto& frame : Feed(&reader, bytes.substr(split))) {
        frames.push_back(std::move(frame));
      }
      ASSERT_THAT(frames, ElementsAre(Pair(Opcode::kText, first),
                                      Pair(Opcode::kText, "next")))
          << length << " split at " << split;
      ASSERT_EQ(reader.rest_bytes(), 0u);
    }
  }
}

TEST(FrameReader, ReadsFramesThatComeByteByByte) {
  FrameReader reader;
  Frames frames;
  const std::string bytes = absl::StrCat(ServerTextFrame(std::string(200, 'x')),
                                         ServerTextFrame("y"));
  for (const char byte : bytes) {
    for (auto& frame : Feed(&reader, std::string(1, byte))) {
      frames.push_back(std::move(frame));
    }
  }
  EXPECT_THAT(frames, ElementsAre(Pair(Opcode::kText, std::string(200, 'x')),
                                  Pair(Opcode::kText, "y")));
}

TEST(FrameReader, KnowsLengthsOfEightBytes) {
  FrameReader reader;
  const std::string payload(70000, 'z');
  const std::string bytes =
      std::string("\x81\x7f\0\0\0\0\0\x01\x11\x70", 10) + payload;
  EXPECT_THAT(Feed(&reader, bytes), ElementsAre(Pair(Opcode::kText, payload)));
}

TEST(FrameReader, WaitsForTheRest) {
  FrameReader reader;
  EXPECT_THAT(Feed(&reader, "\x81"), IsEmpty());
  EXPECT_EQ(reader.rest_bytes(), 1u);
}

TEST(FrameReader, RefusesFramesThatHeraldNeverSends) {
  for (const char* bytes : {"\x82\x01x", "\x01\x01x", "\xC1\x01x", "\x81\x81x",
                            "\x80\x01x", "HT"}) {
    FrameReader reader;
    EXPECT_THROW(Feed(&reader, bytes), Failure) << bytes;
  }
}

}  // namespace
}  // namespace herald::benchmark
