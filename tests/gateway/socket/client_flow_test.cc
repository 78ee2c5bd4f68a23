// SPDX-License-Identifier: Apache-2.0

#include "gateway/socket/client_flow.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::UnixEpoch() + absl::Hours(5);

bool IsPaused(ClientFlow& flow, const ClientRates& rates, absl::Time now) {
  return flow.PauseAt(rates, now).until > now;
}

TEST(AClientFlow, HasNoLimitsUnlessThereAreRates) {
  const ClientRates rates;
  ClientFlow flow;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(flow.OnMessage(rates, kStart));
    EXPECT_TRUE(flow.TakeWhisper(rates, 1 << 20, kStart).ok());
  }
  EXPECT_FALSE(IsPaused(flow, rates, kStart));
  EXPECT_FALSE(ClientRates(0, 0, 1000).messages.limited());
  EXPECT_FALSE(ClientRates(0, 0, 1000).whisper_bytes.limited());
}

TEST(AClientFlow, PausesBehindTwiceTheSubscriptionsUntilThereIsAToken) {
  const ClientRates rates(/*messages=*/200, /*whispers=*/0, 1000);
  ClientFlow flow;
  for (int i = 1; i < 2000; ++i) ASSERT_FALSE(flow.OnMessage(rates, kStart));
  EXPECT_TRUE(flow.OnMessage(rates, kStart));
  const ClientFlow::Pause pause = flow.PauseAt(rates, kStart);
  EXPECT_EQ(pause.until, kStart + absl::Milliseconds(5));
  EXPECT_EQ(pause.why, RateLimit::kMessages);
  EXPECT_EQ(pause.messages_until, pause.until);
  EXPECT_FALSE(IsPaused(flow, rates, pause.until));
}

TEST(AClientFlow, CountsManyFramesAsManyMessages) {
  const ClientRates rates(/*messages=*/200, /*whispers=*/0, 1000);
  ClientFlow flow;
  EXPECT_FALSE(flow.OnFrames(rates, 1999, kStart));
  EXPECT_TRUE(flow.OnFrames(rates, 201, kStart));
  EXPECT_EQ(flow.PauseAt(rates, kStart).until,
            kStart + absl::Milliseconds(1005));
}

TEST(AClientFlow, ReportsTheLimitOnMessagesBesideALongerOne) {
  const ClientRates rates(/*messages=*/200, /*whispers=*/0, 1000);
  ClientFlow flow;
  flow.OnAnswer(rates, kAnswerBurstBytes + kAnswerBytesPerSecond, kStart);
  ClientFlow::Pause pause = flow.PauseAt(rates, kStart);
  EXPECT_EQ(pause.until, kStart + absl::Seconds(1));
  EXPECT_EQ(pause.why, RateLimit::kAnswers);
  EXPECT_LE(pause.messages_until, kStart);
  EXPECT_TRUE(flow.OnFrames(rates, 2000, kStart));
  pause = flow.PauseAt(rates, kStart);
  EXPECT_EQ(pause.until, kStart + absl::Seconds(1));
  EXPECT_EQ(pause.messages_until, kStart + absl::Milliseconds(5));
}

TEST(AClientFlow, RefusesWhispersBeyondTwoSecondsWorth) {
  const ClientRates rates(0, /*whispers=*/100, 1000);
  ClientFlow flow;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(flow.TakeWhisper(rates, 10, kStart).ok());
  }
  const absl::Status refused = flow.TakeWhisper(rates, 10, kStart);
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("100 in a second"));
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("BROADCAST_CLIENT_EVENT_RATE"));
  EXPECT_TRUE(
      flow.TakeWhisper(rates, 10, kStart + absl::Milliseconds(10)).ok());
  // Refused whispers are no reason not to read.
  EXPECT_FALSE(IsPaused(flow, rates, kStart));
}

TEST(AClientFlow, RefusesWhispersBeyondAMebibyteASecond) {
  const ClientRates rates(0, 100, 1000);
  ClientFlow flow;
  int taken = 0;
  while (flow.TakeWhisper(rates, 60'000, kStart).ok()) ++taken;
  EXPECT_EQ(taken, 17);
  EXPECT_TRUE(flow.TakeWhisper(rates, 10, kStart).ok());
  EXPECT_FALSE(
      flow.TakeWhisper(rates, 60'000, kStart + absl::Milliseconds(20)).ok());
  EXPECT_TRUE(
      flow.TakeWhisper(rates, 60'000, kStart + absl::Milliseconds(60)).ok());
}

TEST(AClientFlow, LetsALargeWhisperThroughFromTimeToTime) {
  const ClientRates rates(0, 100, 1000);
  ClientFlow flow;
  EXPECT_TRUE(flow.TakeWhisper(rates, 16 << 20, kStart).ok());
  EXPECT_FALSE(flow.TakeWhisper(rates, 1, kStart + absl::Seconds(14)).ok());
  EXPECT_TRUE(
      flow.TakeWhisper(rates, 16 << 20, kStart + absl::Seconds(17)).ok());
}

TEST(AClientFlow, PausesWhileAWindowOfWhispersIsUnderWay) {
  const ClientRates rates;
  ClientFlow flow;
  for (int i = 0; i < 4; ++i) flow.OnWhisperSent(60'000, kStart);
  EXPECT_FALSE(IsPaused(flow, rates, kStart));
  flow.OnWhisperSent(60'000, kStart);
  EXPECT_EQ(flow.PauseAt(rates, kStart).why, RateLimit::kWindow);
  EXPECT_TRUE(IsPaused(flow, rates, kStart));
  flow.OnWhisperBack(60'000);
  flow.OnWhisperBack(60'000);
  EXPECT_TRUE(IsPaused(flow, rates, kStart));
  flow.OnWhisperBack(60'000);
  EXPECT_FALSE(IsPaused(flow, rates, kStart));
}

TEST(AClientFlow, DoesNotWaitForEverForWhispersThatAreLost) {
  const ClientRates rates;
  ClientFlow flow;
  flow.OnWhisperSent(1 << 20, kStart);
  EXPECT_TRUE(IsPaused(flow, rates, kStart + absl::Milliseconds(999)));
  EXPECT_FALSE(IsPaused(flow, rates, kStart + absl::Seconds(1)));
  // They do not come back any more, and if they do, nothing is owed to them.
  flow.OnWhisperSent(200'000, kStart + absl::Seconds(2));
  EXPECT_FALSE(IsPaused(flow, rates, kStart + absl::Seconds(2)));
  flow.OnWhisperBack(1 << 20);
  flow.OnWhisperSent(200'000, kStart + absl::Seconds(2));
  EXPECT_FALSE(IsPaused(flow, rates, kStart + absl::Seconds(2)));
}

TEST(AClientFlow, SlowsLargeWhispersWhileReadersAreCongested) {
  const ClientRates rates;
  ClientFlow flow;
  flow.OnWhisperSent(64 << 10, kStart);
  flow.OnCongestion(64 << 10, kStart);
  flow.OnWhisperBack(64 << 10);
  const ClientFlow::Pause pause = flow.PauseAt(rates, kStart);
  EXPECT_EQ(pause.why, RateLimit::kCongested);
  EXPECT_NEAR(absl::ToDoubleSeconds(pause.until - kStart), 0.25, 0.01);
  // Even after any number of reports.
  for (int i = 0; i < 100; ++i) {
    flow.OnWhisperSent(64 << 10, kStart);
    flow.OnCongestion(64 << 10, kStart);
    flow.OnWhisperBack(64 << 10);
  }
  EXPECT_EQ(flow.PauseAt(rates, kStart).until, kStart + kCongestionPauseMax);
}

// Otherwise one slow reader could slow every sender of typing notices on its
// channel.
TEST(AClientFlow, HardlyPausesForSmallWhispersInCongestion) {
  const ClientRates rates;
  ClientFlow flow;
  absl::Time now = kStart;
  for (int i = 0; i < 1000; ++i) {
    flow.OnWhisperSent(50, now);
    flow.OnCongestion(50, now);
    flow.OnWhisperBack(50);
    EXPECT_FALSE(IsPaused(flow, rates, now)) << i;
    now += absl::Milliseconds(10);
  }
}

TEST(AClientFlow, PausesForNoMoreWhispersThanItHasSent) {
  const ClientRates rates;
  ClientFlow flow;
  flow.OnCongestion(16 << 20, kStart);
  EXPECT_FALSE(IsPaused(flow, rates, kStart)) << "it has sent none";
  flow.OnWhisperSent(100, kStart);
  flow.OnWhisperBack(100);
  for (int i = 0; i < 100; ++i) flow.OnCongestion(16 << 20, kStart);
  EXPECT_FALSE(IsPaused(flow, rates, kStart)) << "a small one";
}

TEST(AReader, SlowsSendersForAShortWhileOnly) {
  ClientFlow reader;
  EXPECT_TRUE(reader.OnWhisperDropped(kStart));
  EXPECT_TRUE(reader.OnWhisperDropped(kStart + absl::Milliseconds(1999)));
  EXPECT_FALSE(reader.OnWhisperDropped(kStart + absl::Seconds(2)));
  reader.OnWhisperTaken();
  EXPECT_TRUE(reader.OnWhisperDropped(kStart + absl::Seconds(9)));
}

TEST(AClientFlow, PausesForAnswersBeyondTheLargestRoster) {
  const ClientRates rates(200, 100, 1000);
  ClientFlow flow;
  flow.OnAnswer(rates, kAnswerBurstBytes, kStart);
  EXPECT_FALSE(IsPaused(flow, rates, kStart));
  flow.OnAnswer(rates, 2 * kAnswerBytesPerSecond, kStart);
  const ClientFlow::Pause pause = flow.PauseAt(rates, kStart);
  EXPECT_EQ(pause.why, RateLimit::kAnswers);
  EXPECT_EQ(pause.until, kStart + absl::Seconds(2));
}

}  // namespace
}  // namespace herald::gateway
