// SPDX-License-Identifier: Apache-2.0
//
// The start of the service, which ends when its gateways have attached. The
// source is link/settling.cc.

#include <memory>
#include <string>

#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;

class AStart : public SettledHub {
 protected:
  AStart() : SettledHub(0, 0, /*settle=*/false) {}

  std::unique_ptr<FakeGateway> Attaching(int64_t id) {
    return std::make_unique<FakeGateway>(hub_.get(), id);
  }
};

TEST_F(AStart, AnswersNoRequestForHalfASecond) {
  const auto gateway = Attaching(1);
  gateway->Attach();
  gateway->Subscribe(1, "news");
  EXPECT_THAT(gateway->Received(),
              ElementsAre("settings", "no 1 CODE_UNAVAILABLE"));
  EXPECT_TRUE(absl::IsUnavailable(Broadcast({"news"}, "1").status()));
  EXPECT_FALSE(hub_->ready());
  timers_.Advance(absl::Milliseconds(500));
  EXPECT_TRUE(hub_->ready());
  EXPECT_THAT(gateway->Received(), ElementsAre("settled"));
}

TEST_F(AStart, WaitsForAnAttachThatHasBegun) {
  const auto gateway = Attaching(1);
  for (const char* channel : {"a", "b", "c"}) {
    timers_.Advance(absl::Milliseconds(999));
    EXPECT_FALSE(hub_->ready());
    gateway->Hold(channel, 1);
  }
  gateway->Hold("news", 3);
  gateway->Attach();
  EXPECT_TRUE(hub_->ready());
  EXPECT_EQ(Publish("news", "1"), 3);
  EXPECT_THAT(gateway->Received(),
              ElementsAre("settings", "settled", "news: 1"));
}

TEST_F(AStart, WaitsASecondForALinkThatSendsNothingButHello) {
  const auto silent = Attaching(1);
  timers_.Advance(absl::Milliseconds(900));
  const auto later = Attaching(2);  // It does not begin anew.
  timers_.Advance(absl::Milliseconds(99));
  EXPECT_FALSE(hub_->ready());
  timers_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(hub_->ready());
}

TEST_F(AStart, DoesNotWaitForAnAttachThatStalls) {
  const auto stalled = Attaching(1);
  stalled->Hold("news", 1);
  timers_.Advance(absl::Milliseconds(800));
  stalled->Hold("sport", 1);
  timers_.Advance(absl::Milliseconds(1000));
  EXPECT_FALSE(hub_->ready());
  timers_.Advance(absl::Milliseconds(200));
  EXPECT_TRUE(hub_->ready());
  stalled->Attach();
  EXPECT_THAT(stalled->Received(), ElementsAre("settings", "settled"));
  EXPECT_EQ(Publish("sport", "1"), 1);
}

TEST_F(AStart, DoesNotWaitForAnAttachThatIsLost) {
  const auto gateway = Attaching(1);
  timers_.Advance(absl::Seconds(1));
  gateway->Lose();
  EXPECT_TRUE(hub_->ready());
}

TEST_F(AStart, WaitsFiveSecondsAtTheMost) {
  const auto stuck = Attaching(1);
  for (int i = 0; i < 49; ++i) {
    timers_.Advance(absl::Milliseconds(100));
    stuck->Hold(absl::StrCat("channel-", i), 1);
  }
  timers_.Advance(absl::Milliseconds(99));
  EXPECT_FALSE(hub_->ready());
  timers_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(hub_->ready());
  stuck->Attach();
  EXPECT_THAT(stuck->Received(), ElementsAre("settings", "settled"));
}

TEST_F(AStart, ThatIsStoppedOnItsWayIsNeverOver) {
  const auto gateway = Attaching(1);
  gateway->Hold("presence-room", 1, {"ada"});
  gateway->Attach();
  gateway->OnFlush([this] { hub_->Stop(); });  // With the roster.
  timers_.Advance(absl::Seconds(10));
  EXPECT_FALSE(hub_->ready());
  EXPECT_EQ(observer_.settled, 0);
  EXPECT_THAT(gateway->Received(), ElementsAre("settings", "roster ada"));
}

TEST_F(AStart, GivesEveryGatewayTheWholeRosterAndNoSingleChanges) {
  const auto one = Attaching(1);
  one->Hold("presence-room", 1, {"ada"});
  one->Attach();
  const auto two = Attaching(2);
  two->Hold("presence-room", 2, {"ada", "bob"});
  two->Attach();
  timers_.Advance(absl::Milliseconds(500));
  EXPECT_THAT(one->Received(),
              ElementsAre("settings", "roster ada bob", "settled"));
  EXPECT_THAT(two->Received(),
              ElementsAre("settings", "roster ada bob", "settled"));
  EXPECT_THAT(Members("presence-room"), ElementsAre("ada", "bob"));
  EXPECT_EQ(one->states(), 1) << "a roster is as large as it is";
}

}  // namespace
}  // namespace herald::core
