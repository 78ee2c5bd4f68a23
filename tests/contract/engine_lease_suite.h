// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine's suite (engine_suite.h) that is about the links of
// gateways: attach numbers and leases.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_LEASE_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_LEASE_SUITE_H_

#include "tests/contract/engine_suite.h"

namespace herald::core {

TEST_P(AnEngine, NumbersTheLinksOfGateways) {
  const int64_t first = Attach(1);
  const int64_t second = Attach(2);
  EXPECT_GT(second, first);
  EXPECT_GT(Attach(1), second);
}

TEST_P(AnEngine, TakesNothingFromALinkThatIsNotItsGatewaysNewest) {
  const int64_t old = Attach(1);
  Attach(1);
  Join("ada", 1, "1.1");
  AdmissionRequest late;
  late.socket = {1, "1.2"};
  late.attach = old;
  late.member = User("bob");
  EXPECT_EQ(Admit("presence-room", std::move(late)), Admission::kUnavailable);
  EXPECT_TRUE(absl::IsUnavailable(TryToReplace(1, old, {})));
  Locked("presence-room", [&] {
    engine_.Dismiss("presence-room", "ada", {1, "1.1"}, old,
                    absl::ZeroDuration());
  });
  engine_.Keep(1, old, {});
  world_->Settle();
  engine_.Detach(1, old, /*goodbye=*/true);
  engine_.Detach(1, old, /*goodbye=*/false);
  Pass(absl::Hours(1));
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada"));
}

TEST_P(AnEngine, RemovesMembersThatAReturnedGatewayHoldsNoMore) {
  Join("ada", 1, "1.1");
  Join("bob", 2, "2.1");
  engine_.Detach(1, AttachOf(1), /*goodbye=*/false);
  const int64_t attach = Attach(1);
  engine_.Keep(1, attach, {"presence-room"});
  world_->Settle();
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada", "+bob"));
  engine_.Keep(1, attach, {"presence-other"});
  world_->Settle();
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, RemovesTheMembersOfALostGatewayWhenItsLeaseIsOver) {
  Join("ada", 1, "1.1");
  Join("bob", 2, "2.1");
  Join("bob", 1, "1.2");
  Received();
  const int64_t attach = AttachOf(1);
  engine_.Detach(1, attach, /*goodbye=*/false);
  world_->Settle();
  EXPECT_THAT(Received(), ::testing::IsEmpty());
  Pass(absl::Minutes(1));
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada", "lease 1 ended"));
  EXPECT_EQ(listener_.lost[1], attach);
}

TEST_P(AnEngine, GivesTheMembersOfALostGatewayTheGraceOfTheirChannel) {
  listener_.rules.member_grace = absl::Minutes(10);
  Join("ada", 1, "1.1");
  engine_.Detach(1, AttachOf(1), /*goodbye=*/false);
  world_->Settle();
  Pass(absl::Minutes(1));
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada", "lease 1 ended"));
  Pass(absl::Minutes(10));
  EXPECT_THAT(Received(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, EndsNoLeaseOfAGatewayThatHasReturned) {
  Join("ada", 1, "1.1");
  engine_.Detach(1, AttachOf(1), /*goodbye=*/false);
  world_->Settle();
  Replace(1, {{User("ada"), {"1.1"}}});
  Attach(1);
  Pass(absl::Minutes(1));
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada"));
}

TEST_P(AnEngine, RemovesTheMembersOfAGatewayAtItsGoodbye) {
  Join("ada", 1, "1.1");
  engine_.Detach(1, AttachOf(1), /*goodbye=*/true);
  world_->Settle();
  EXPECT_THAT(Received(), ::testing::ElementsAre("+ada", "-ada"));
  Pass(absl::Minutes(1));
  EXPECT_THAT(Received(), ::testing::IsEmpty());
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_LEASE_SUITE_H_
