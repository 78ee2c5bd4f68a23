// SPDX-License-Identifier: Apache-2.0
//
// The part of the clusters' suite (engine_cluster_suite.h) that is about other
// nodes: messages, gateways and records (node_bus.h).

#ifndef HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_BUS_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_BUS_SUITE_H_

#include "tests/contract/engine_cluster_suite.h"

namespace herald::core {

TEST_P(ACluster, SendsMessagesOfANodeInOrder) {
  InEachWorld([&] {
    world().bus(0).ToAll("1");
    world().bus(0).ToNode(world().NameOf(1), "2");
    world().bus(1).ToAll("3");
    world().bus(0).ToAll("4");
    world().Settle();
    const std::string from = world().NameOf(0);
    EXPECT_THAT(bus(1).received, ::testing::ElementsAre(
                                     from + ": 1", from + ": 2", from + ": 4"));
    EXPECT_THAT(bus(0).received,
                ::testing::ElementsAre(world().NameOf(1) + ": 3"));
  });
}

TEST_P(ACluster, ListsTheOtherNodesThatLive) {
  InEachWorld([&] {
    absl::StatusOr<std::vector<OtherNode>> nodes = absl::InternalError("none");
    const auto list = [&] {
      world().bus(1).ListNodes([&](auto answer) { nodes = answer; });
      world().Settle();
      ASSERT_TRUE(nodes.ok()) << nodes.status();
    };
    list();
    ASSERT_EQ(nodes->size(), 1u);
    EXPECT_EQ(nodes->front().name, world().NameOf(0));
    EXPECT_EQ(nodes->front().stats, "stats of 0");
    world().Kill(0);
    list();
    EXPECT_THAT(*nodes, ::testing::IsEmpty());
  });
}

TEST_P(ACluster, FindsTheNodeOfAGateway) {
  InEachWorld([&] {
    Attach(0, 1);
    absl::StatusOr<std::string> found = absl::InternalError("none");
    const auto find = [&](int asker, uint64_t gateway) {
      world().bus(asker).FindNode(gateway, [&](auto name) { found = name; });
      world().Settle();
      return found.status();
    };
    EXPECT_TRUE(find(1, 1).ok());
    EXPECT_EQ(*found, world().NameOf(0));
    EXPECT_TRUE(absl::IsNotFound(find(0, 1))) << "it is its own";
    EXPECT_TRUE(absl::IsNotFound(find(1, 2)));
    world().Kill(0);
    EXPECT_TRUE(absl::IsUnavailable(find(1, 1)));
    Pass(absl::Seconds(30));
    EXPECT_TRUE(absl::IsUnavailable(find(1, 1))) << "its lease has ended";
    Pass(absl::Minutes(2));
    EXPECT_TRUE(absl::IsNotFound(find(1, 1)));
  });
}

TEST_P(ACluster, ShowsARecordToAllNodes) {
  InEachWorld([&] {
    absl::Status recorded = absl::InternalError("none");
    world().bus(0).Record(std::make_shared<const std::string>("1"),
                          [&](const absl::Status& s) { recorded = s; });
    world().Settle();
    EXPECT_TRUE(recorded.ok()) << recorded;
    Pass(absl::Minutes(2));
    absl::StatusOr<std::vector<Chunk>> items = absl::InternalError("none");
    const auto read = [&](absl::Duration age) {
      world().bus(1).RecordedWithin(age, [&](auto answer) { items = answer; });
      world().Settle();
      return items.status();
    };
    ASSERT_TRUE(read(absl::Minutes(3)).ok());
    ASSERT_EQ(items->size(), 1u);
    EXPECT_EQ(*items->front(), "1");
    ASSERT_TRUE(read(absl::Minutes(1)).ok());
    EXPECT_THAT(*items, ::testing::IsEmpty());
    EXPECT_TRUE(absl::IsOutOfRange(read(2 * kRecordLife)));
  });
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_BUS_SUITE_H_
