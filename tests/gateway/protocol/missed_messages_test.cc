// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/missed_messages.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/gateway/protocol/counting_dialect.h"

namespace herald::gateway {
namespace {

// Events 11 to 13, of which 12 is not for socket 7, and 13 for no socket 8.
std::shared_ptr<const MissedMessages> Missed() {
  std::vector<MissedMessages::Numbered> all;
  for (const int offset : {11, 12, 13}) {
    auto message = std::make_shared<ChannelMessage>();
    EventMessage event;
    event.publication.set_data(std::to_string(offset) + ";");
    message->message = ShareMessage(std::move(event));
    if (offset == 12) message->except_socket = 7;
    if (offset == 13) message->except_socket = 8;
    all.push_back({offset, std::move(message)});
  }
  return std::make_shared<const MissedMessages>(std::move(all));
}

std::string TextOf(const MissedMessages::Part& part) {
  return part.frames == nullptr ? "" : part.frames->substr(part.from);
}

TEST(MissedMessages, BeginBehindThePositionOfASocket) {
  const CountingDialect dialect(0);
  const auto missed = Missed();
  EXPECT_EQ(TextOf(missed->For(dialect, 10, 1)), "11;12;13;");
  EXPECT_EQ(TextOf(missed->For(dialect, 11, 1)), "12;13;");
  EXPECT_EQ(TextOf(missed->For(dialect, 12, 1)), "13;");
  EXPECT_EQ(missed->For(dialect, 12, 1).size(), 3u);
  EXPECT_EQ(TextOf(missed->For(dialect, 13, 1)), "");
  EXPECT_EQ(missed->For(dialect, 13, 1).size(), 0u);
}

TEST(MissedMessages, AreEncodedOnceForAllSocketsOfADialect) {
  const CountingDialect dialect(0);
  const auto missed = Missed();
  const FrameBytes first = missed->For(dialect, 10, 1).frames;
  EXPECT_EQ(missed->For(dialect, 12, 2).frames, first);
  EXPECT_EQ(dialect.encoded, 3);
}

TEST(MissedMessages, LeaveOutThoseThatExceptTheSocket) {
  const CountingDialect dialect(0);
  const auto missed = Missed();
  EXPECT_EQ(TextOf(missed->For(dialect, 10, 7)), "11;13;");
  EXPECT_EQ(TextOf(missed->For(dialect, 10, 8)), "11;12;");
  EXPECT_EQ(TextOf(missed->For(dialect, 12, 8)), "");
  EXPECT_EQ(dialect.encoded, 3) << "each message once for all receivers";
}

TEST(MissedMessages, WeighTheMessagesBehindAPosition) {
  const auto missed = Missed();
  const int64_t one = missed->BytesSince(12);
  EXPECT_GT(one, 0);
  EXPECT_EQ(missed->BytesSince(10), 3 * one);
  EXPECT_EQ(missed->BytesSince(13), 0);
}

}  // namespace
}  // namespace herald::gateway
