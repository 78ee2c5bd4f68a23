// SPDX-License-Identifier: Apache-2.0
//
// The part of the clusters' suite (engine_cluster_suite.h) that is about nodes
// which are cut off, and a failover.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_FAILURE_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_FAILURE_SUITE_H_

#include "tests/contract/engine_cluster_suite.h"

namespace herald::core {

TEST_P(ACluster, FillsTheGapOfACutOnceAndInOrder) {
  InEachWorld([&] {
    OpenAtBoth("a", kMany);
    constexpr int kCount = 20;
    for (int i = 1; i <= kCount; ++i) {
      Publish(0, "a", absl::StrCat(i), kMany);
      if (i == 7) world().Cut(1);
      if (i == 14) world().Reconnect(1);
      world().SettlePartly();
    }
    world().Settle();
    const auto received = Publications(Received(1));
    EXPECT_EQ(received, Publications(Received(0)));
    EXPECT_EQ(received.size(), static_cast<size_t>(kCount));
    EXPECT_EQ(LossesOf(1), 0);
  });
}

TEST_P(ACluster, NotifiesOfALossIfAGapCannotBeFilled) {
  InEachWorld([&] {
    const HistoryLimits three{3};
    OpenAtBoth("a", three);
    Publish(0, "a", "1", three);
    world().Settle();
    Received(1);
    world().Cut(1);
    for (int i = 2; i <= 9; ++i) Publish(0, "a", absl::StrCat(i), three);
    world().Settle();
    world().Reconnect(1);
    world().Settle();
    EXPECT_EQ(LossesOf(1), 1);
    EXPECT_THAT(Received(1), ::testing::ElementsAre("a begins at 6, lost",
                                                    "a: 7", "a: 8", "a: 9"));
    EXPECT_EQ(At(0, "a"), At(1, "a"));
  });
}

TEST_P(ACluster, ReadsTheRosterAgainAfterACut) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(0, 1);
    Join(0, 1, attach, "ada");
    Join(0, 1, attach, "bob");
    world().Settle();
    world().Cut(1);
    Leave(0, 1, attach, "ada");
    Join(0, 1, attach, "cyd");
    world().Settle();
    world().Reconnect(1);
    world().Settle();
    EXPECT_THAT(Received(1),
                ::testing::ElementsAre("+ada", "+bob", "-ada", "+cyd"));
  });
}

TEST_P(ACluster, ReportsThatTheStoreIsThereAgain) {
  InEachWorld([&] {
    for (int i = 0; i < 3; ++i) {
      world().Cut(1);
      world().SettlePartly();
      EXPECT_TRUE(listener(0).engine_up);
      world().Reconnect(1);
      world().Settle();
      EXPECT_TRUE(listener(1).engine_up);
    }
  });
}

TEST_P(ACluster, RefusesAtANodeThatIsCutOffAndLeavesLater) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(1, 1);
    Join(1, 1, attach, "ada");
    world().Settle();
    world().Cut(1);
    const auto receipt = Publish(1, "a", "1");
    const auto bob = Join(1, 1, attach, "bob");
    Leave(1, 1, attach, "ada");
    world().Settle();
    EXPECT_TRUE(absl::IsUnavailable(receipt->status())) << receipt->status();
    EXPECT_EQ(*bob, Admission::kUnavailable);
    EXPECT_THAT(Received(0), ::testing::ElementsAre("+ada"));
    world().Reconnect(1);
    world().Settle();
    EXPECT_THAT(Received(0), ::testing::ElementsAre("-ada"));
    EXPECT_THAT(RosterOf(1), ::testing::IsEmpty());
  });
}

TEST_P(ACluster, KeepsNoMemberOfAnAdmissionWithoutAnAnswer) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(1, 1);
    const auto ada = Join(1, 1, attach, "ada");
    world().SettlePartly();
    world().Cut(1);
    world().Reconnect(1);
    world().Settle();
    const bool is_there = *ada == Admission::kAdmitted;
    EXPECT_EQ(RosterOf(0).size(), is_there ? 1u : 0u);
    EXPECT_EQ(RosterOf(1), RosterOf(0));
  });
}

TEST_P(ACluster, BeginsANewEpochAfterAFailover) {
  InEachWorld([&] {
    OpenAtBoth("a", kMany);
    for (int i = 1; i <= 5; ++i) Publish(0, "a", absl::StrCat(i), kMany);
    world().SettlePartly();
    const Position before = *At(0, "a");
    world().ForgetEnd();
    world().Settle();
    EXPECT_NE(At(0, "a")->epoch, before.epoch);
    EXPECT_EQ(At(0, "a"), At(1, "a"));
    for (int node : {0, 1}) EXPECT_EQ(LossesOf(node), 1);
    for (int node : {0, 1}) Received(node);
    Publish(1, "a", "6", kMany);
    world().Settle();
    for (int node : {0, 1}) {
      EXPECT_THAT(Received(node), ::testing::ElementsAre("a: 6"));
    }
    EXPECT_EQ(At(0, "a")->offset, 1);
  });
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_FAILURE_SUITE_H_
