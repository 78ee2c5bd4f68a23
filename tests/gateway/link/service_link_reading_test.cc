// SPDX-License-Identifier: Apache-2.0
//
// When the link is read, and how far it is behind.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gateway/link/link_world.h"
#include "tests/support/deadline.h"

namespace herald::gateway {
namespace {

using link::v1::GatewayItem;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing_support::kSlowness;
using testing_support::Milliseconds;
using ALink = LinkWorld;
using Manner = FakeGatewayService::Manner;

TEST_F(ALink, IsNotReadWhileTheGateIsClosed) {
  CloseTheGate();
  // The other direction goes on meanwhile.
  router_.Goodbye();
  ASSERT_TRUE(service_.WaitForItem(0, GatewayItem::kGoodbye));
  EXPECT_THAT(inbox_.frames(), SizeIs(1));

  gate_.Open();

  ASSERT_TRUE(inbox_.WaitForFrames(FakeGatewayService::kFloodFrames));
  const std::vector<std::string> frames = inbox_.frames();
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_THAT(frames[i], HasSubstr("\"data\":" + std::to_string(i) + "}"));
  }
}

TEST_F(ALink, StopsThoughTheGateIsClosed) {
  CloseTheGate();
  const Milliseconds took = TimeOf([&] { link_->Stop(); });
  EXPECT_LT(took, Milliseconds(2000) * kSlowness);
  gate_.Open();  // Harmless.
}

TEST_F(ALink, IsReplacedThoughTheGateWasClosedWhenItBroke) {
  CloseTheGate();
  service_.SetManner(Manner::kServe);
  service_.EndLinks();
  gate_.Open();
  EXPECT_TRUE(witness_.WaitForSettled(2));
}

TEST_F(ALink, ObservesHowFarItIsBehindOnceForEachFrame) {
  CloseTheGate();
  gate_.Open();
  ASSERT_TRUE(witness_.WaitFor([](const auto& counts) {
    return counts.lags.size() >= FakeGatewayService::kFloodFrames;
  }));
  for (const absl::Duration lag : witness_.counts().lags) {
    EXPECT_GE(lag, absl::Seconds(9));
    EXPECT_LE(lag, absl::Seconds(30));
  }
  EXPECT_THAT(witness_.counts().lags, SizeIs(FakeGatewayService::kFloodFrames));
}

using Attaches = FakeGatewayService::Attaches;

TEST_F(ALink, ThatIsQuietIsKeptAliveWithEmptyFrames) {
  service_.StartServer();
  Dial({service_.target()}, "", absl::Milliseconds(20));

  EXPECT_TRUE(service_.WaitFor([](const Attaches& all) {
    return !all.empty() && all[0].empty_count >= 5;
  }));
  // A service of an older release sends none, which is no silence.
  EXPECT_EQ(service_.attaches().size(), 1u);
  Whisper("1");
  EXPECT_TRUE(service_.WaitForItem(0, link::v1::GatewayItem::kWhisper));
}

TEST_F(ALink, IsDialledAgainWhenAServiceThatSendsKeepalivesFallsSilent) {
  service_.SetManner(FakeGatewayService::Manner::kEcho);
  service_.StartServer();
  Dial({service_.target()}, "", absl::Milliseconds(20));

  ASSERT_TRUE(witness_.WaitForEnded(1));
  EXPECT_THAT(witness_.counts().ended[0],
              ::testing::HasSubstr("the service is silent"));
  EXPECT_TRUE(witness_.WaitForSettled(2));
}

}  // namespace
}  // namespace herald::gateway
