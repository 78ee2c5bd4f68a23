// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine's suite (engine_suite.h) about users that leave too
// often.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_DEPARTURE_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_DEPARTURE_SUITE_H_

#include "tests/contract/engine_suite.h"

namespace herald::core {

TEST_P(AnEngine, AnnouncesAFewQuickDeparturesOfAUserAndThenOneASecond) {
  const auto toggle = [&] {
    Join("eve", 1, "1.1");
    Leave("eve", 1, "1.1");
  };
  for (int64_t i = 0; i < kDeparturesAtOnce; ++i) {
    toggle();
    EXPECT_THAT(Received(), ::testing::ElementsAre("+eve", "-eve"));
  }
  for (int second = 0; second < 3; ++second) {
    for (int i = 0; i < 99; ++i) {
      toggle();
      Pass(absl::Milliseconds(10));
    }
    EXPECT_THAT(Received(), ::testing::ElementsAre("+eve"));
    EXPECT_EQ(MemberCount(), 1);
    Pass(absl::Milliseconds(10));
    EXPECT_THAT(Received(), ::testing::ElementsAre("-eve"));
    EXPECT_EQ(MemberCount(), 0);
  }
  Pass(absl::Minutes(1));
  toggle();
  EXPECT_THAT(Received(), ::testing::ElementsAre("+eve", "-eve"));
}

// However the subscriptions end; and another user is not concerned.
TEST_P(AnEngine, DelaysADepartureByASecondAtMost) {
  for (int64_t i = 0; i < kDeparturesAtOnce; ++i) {
    Join("eve", 1, "1.1");
    Leave("eve", 1, "1.1");
  }
  Join("eve", 1, "1.1");
  Join("bob", 1, "1.2");
  Received();
  engine_.Detach(1, AttachOf(1), /*goodbye=*/true);
  world_->Settle();
  EXPECT_THAT(Received(), ::testing::ElementsAre("-bob"));
  const auto members = Members();
  ASSERT_EQ(members.size(), 1u);
  EXPECT_THAT(members[0].socket_ids(), ::testing::IsEmpty());
  Pass(absl::Seconds(1));
  EXPECT_THAT(Received(), ::testing::ElementsAre("-eve"));
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_DEPARTURE_SUITE_H_
