// SPDX-License-Identifier: Apache-2.0
//
// The part of the clusters' suite (engine_cluster_suite.h) about members, and
// about leases and graces of nodes that have failed.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_MEMBERS_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_MEMBERS_SUITE_H_

#include "tests/contract/engine_cluster_suite.h"

namespace herald::core {

TEST_P(ACluster, PublishesTheFirstAndTheLastMemberOnce) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t at0 = Attach(0, 1);
    const int64_t at1 = Attach(1, 2);
    const auto first = Join(0, 1, at0, "ada");
    const auto second = Join(1, 2, at1, "ada");
    world().Settle();
    EXPECT_EQ(*first, Admission::kAdmitted);
    EXPECT_EQ(*second, Admission::kAdmitted);
    Leave(0, 1, at0, "ada");
    world().SettlePartly();
    Leave(1, 2, at1, "ada");
    world().Settle();
    for (int node : {0, 1}) {
      EXPECT_THAT(Received(node), ::testing::ElementsAre("+ada", "-ada"));
    }
  });
}

TEST_P(ACluster, ShowsAMemberBeforeItIsAdmitted) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t at0 = Attach(0, 1);
    const int64_t at1 = Attach(1, 2);
    const auto ada = Join(0, 1, at0, "ada");
    const auto bob = Join(1, 2, at1, "bob");
    for (int i = 0; i < 20; ++i) {
      world().SettlePartly();
      const auto at_0 = RosterOf(0);
      const auto at_1 = RosterOf(1);
      EXPECT_LE(ada->has_value(), std::count(at_0.begin(), at_0.end(), "ada"));
      EXPECT_LE(bob->has_value(), std::count(at_1.begin(), at_1.end(), "bob"));
    }
    world().Settle();
    for (int node : {0, 1}) {
      EXPECT_THAT(RosterOf(node), ::testing::ElementsAre("ada", "bob"));
    }
  });
}

TEST_P(ACluster, AdmitsNoMoreThanThereMayBeAtBothNodes) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t at0 = Attach(0, 1);
    const int64_t at1 = Attach(1, 2);
    const auto first = Join(0, 1, at0, "ada", /*count_max=*/1);
    const auto second = Join(1, 2, at1, "bob", /*count_max=*/1);
    world().Settle();
    EXPECT_NE(*first, *second);
    EXPECT_EQ(RosterOf(0).size(), 1u);
  });
}

TEST_P(ACluster, EndsTheLeaseOfADeadNode) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(0, 1);
    Join(0, 1, attach, "ada");
    world().Settle();
    world().Kill(0);
    world().Settle();
    EXPECT_THAT(Received(1), ::testing::ElementsAre("+ada"));
    Pass(absl::Minutes(1));
    EXPECT_THAT(Received(1), ::testing::ElementsAre("-ada", "lease 1 ended"));
  });
}

TEST_P(ACluster, KeepsTheMembersOfAGatewayThatMovesToAnotherNode) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(0, 1);
    Join(0, 1, attach, "ada");
    world().Settle();
    world().Kill(0);
    const int64_t again = Attach(1, 1);
    EXPECT_GT(again, attach);
    GatewayMember ada;
    ada.member.set_user_id("ada");
    ada.socket_ids = {"1.1"};
    listener(1).WithChannel("presence-room", [&] {
      engine(1).Replace("presence-room", 1, again, /*count=*/1, {ada},
                        absl::ZeroDuration(), [](const absl::Status& replaced) {
                          EXPECT_TRUE(replaced.ok()) << replaced;
                        });
    });
    Pass(absl::Minutes(1));
    EXPECT_THAT(Received(1), ::testing::ElementsAre("+ada"));
    EXPECT_THAT(RosterOf(1), ::testing::ElementsAre("ada"));
  });
}

TEST_P(ACluster, CountsTheSubscriptionsOfAGatewayWhereverItReturns) {
  InEachWorld([&] {
    OpenAtBoth("a");
    const int64_t attach = Attach(0, 1);
    Subscribe(0, "a", 1, attach);
    const int64_t other = Attach(1, 2);
    Subscribe(1, "a", 2, other);
    world().Settle();
    for (int node : {0, 1}) EXPECT_EQ(CountAt(node, "a"), 2);
    engine(0).Detach(1, attach, /*goodbye=*/false);
    listener(0).subscribed.clear();
    world().SettlePartly();
    const int64_t again = Attach(1, 1);
    listener(1).WithChannel("a", [&] {
      engine(1).Replace("a", 1, again, /*count=*/7, {}, absl::ZeroDuration(),
                        [&](const absl::Status& replaced) {
                          EXPECT_TRUE(replaced.ok()) << replaced;
                          listener(1).subscribed["a"] += 7;
                        });
    });
    world().Settle();
    for (int node : {0, 1}) EXPECT_EQ(CountAt(node, "a"), 8);
    world().Kill(1);
    EXPECT_EQ(CountAt(0, "a"), 0);
  });
}

TEST_P(ACluster, EndsAGraceThatAnotherNodeHasBegun) {
  InEachWorld([&] {
    OpenAtBoth("presence-room");
    const int64_t attach = Attach(0, 1);
    Join(0, 1, attach, "ada");
    world().Settle();
    Leave(0, 1, attach, "ada", absl::Seconds(5));
    world().Settle();
    world().Kill(0);
    Pass(absl::Milliseconds(4999));
    EXPECT_THAT(Received(1),
                ::testing::Not(::testing::Contains(std::string("-ada"))));
    Pass(absl::Milliseconds(1));
    EXPECT_THAT(Received(1), ::testing::Contains(std::string("-ada")));
  });
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_MEMBERS_SUITE_H_
