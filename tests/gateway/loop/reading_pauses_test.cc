// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/reading_pauses.h"

#include "proto/contract/limits.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AReadingPause : public GatewayWorld {
 protected:
  LoopState state_{{.rates = ClientRates(/*message_rate=*/1, /*whisper_rate=*/0,
                                         /*subscriptions_max=*/1)},
                   &router_,
                   &loops_[0],
                   &observer_,
                   loops_[0].now};
  ReadingPauses pauses_{&state_};
  FakeSocket socket_;
  ClientState client_{nullptr, &socket_, &dialect_, 12, {}};
};

TEST_F(AReadingPause, LastsUntilASubscribeIsAnswered) {
  client_.pending = contract::kPendingSubscribesMax;
  EXPECT_FALSE(pauses_.Update(&client_));
  EXPECT_TRUE(socket_.paused);
  EXPECT_EQ(observer_.pauses, 1);
  --client_.pending;
  EXPECT_TRUE(pauses_.Update(&client_)) << "the caller resumes";
  EXPECT_FALSE(client_.paused);
}

TEST_F(AReadingPause, IsNotCountedForARepeatedSubscribe) {
  client_.repeats = 1;
  EXPECT_FALSE(pauses_.Update(&client_));
  EXPECT_TRUE(socket_.paused);
  EXPECT_EQ(observer_.pauses, 0);
  client_.repeats = 0;
  EXPECT_TRUE(pauses_.Update(&client_));
}

TEST_F(AReadingPause, EndsWhenTheRateAllowsIt) {
  while (!client_.flow.OnMessage(state_.options.rates, state_.now)) {
  }
  EXPECT_FALSE(pauses_.Update(&client_));
  EXPECT_TRUE(socket_.paused);
  EXPECT_EQ(observer_.limited[RateLimit::kMessages], 1);
  EXPECT_THAT(pauses_.TakeEnded(state_.now), IsEmpty());
  state_.now += absl::Seconds(2);
  EXPECT_THAT(pauses_.TakeEnded(state_.now), ElementsAre(12u));
  EXPECT_TRUE(pauses_.Update(&client_));
  EXPECT_THAT(pauses_.TakeEnded(state_.now), IsEmpty());
}

TEST_F(AReadingPause, BeginsWithinAMessageBeyondTheRateOfMessages) {
  client_.pending = contract::kPendingSubscribesMax;
  pauses_.Update(&client_);
  EXPECT_EQ(socket_.pause, ReadingPause::kAfterMessage);
  // Control frames in the message that is read to its end.
  while (!client_.flow.OnMessage(state_.options.rates, state_.now)) {
  }
  EXPECT_FALSE(pauses_.Update(&client_));
  EXPECT_EQ(socket_.pause, ReadingPause::kAtOnce);
  EXPECT_EQ(observer_.limited[RateLimit::kMessages], 1);
  state_.now += absl::Seconds(1);
  EXPECT_THAT(pauses_.TakeEnded(state_.now), ElementsAre(12u));
  EXPECT_FALSE(pauses_.Update(&client_)) << "the subscribes have no answer";
  EXPECT_EQ(socket_.pause, ReadingPause::kAfterMessage);
  EXPECT_TRUE(socket_.paused);
  client_.pending = 0;
  EXPECT_TRUE(pauses_.Update(&client_));
}

TEST_F(AReadingPause, IsSeenAgainWhenALongerLimitIsLeft) {
  client_.flow.OnAnswer(state_.options.rates,
                        kAnswerBurstBytes + 5 * kAnswerBytesPerSecond,
                        state_.now);
  while (!client_.flow.OnMessage(state_.options.rates, state_.now)) {
  }
  pauses_.Update(&client_);
  EXPECT_EQ(socket_.pause, ReadingPause::kAtOnce);
  state_.now += absl::Seconds(1);
  EXPECT_THAT(pauses_.TakeEnded(state_.now), ElementsAre(12u));
  EXPECT_FALSE(pauses_.Update(&client_));
  EXPECT_EQ(socket_.pause, ReadingPause::kAfterMessage);
  EXPECT_THAT(pauses_.TakeEnded(state_.now), IsEmpty());
  state_.now += absl::Seconds(4);
  EXPECT_THAT(pauses_.TakeEnded(state_.now), ElementsAre(12u));
  EXPECT_TRUE(pauses_.Update(&client_));
}

TEST_F(AReadingPause, IsForgottenWithItsSocket) {
  while (!client_.flow.OnMessage(state_.options.rates, state_.now)) {
  }
  pauses_.Update(&client_);
  pauses_.Forget(12);
  EXPECT_THAT(pauses_.TakeEnded(absl::InfiniteFuture()), IsEmpty());
}

}  // namespace
}  // namespace herald::gateway
