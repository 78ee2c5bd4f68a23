// SPDX-License-Identifier: Apache-2.0
//
// The promises of every engine as a bus between nodes, with or without other
// nodes: see engine_suite.h.

#ifndef HERALD_TESTS_CONTRACT_NODE_BUS_SUITE_H_
#define HERALD_TESTS_CONTRACT_NODE_BUS_SUITE_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/contract/engine_suite.h"

namespace herald::core {

class ANodeBus : public AnEngine {
 protected:
  void Record(const std::string& item) {
    absl::Status recorded = absl::InternalError("none");
    engine_.Record(std::make_shared<const std::string>(item),
                   [&](const absl::Status& status) {
                     EXPECT_EQ(listener_.locked, "");
                     recorded = status;
                   });
    world_->Settle();
    EXPECT_TRUE(recorded.ok()) << recorded;
  }
  absl::StatusOr<std::vector<std::string>> Within(absl::Duration age) {
    absl::StatusOr<std::vector<std::string>> items =
        absl::InternalError("none");
    engine_.RecordedWithin(age, [&](const auto& chunks) {
      EXPECT_EQ(listener_.locked, "");
      if (chunks.ok()) {
        items.emplace();
        for (const Chunk& chunk : *chunks) items->push_back(*chunk);
      } else {
        items = chunks.status();
      }
    });
    world_->Settle();
    return items;
  }
};

TEST_P(ANodeBus, KeepsRecordedItemsForTenMinutes) {
  Record("a");
  Pass(absl::Minutes(5));
  Record("b");
  Pass(absl::Minutes(1));
  using List = std::vector<std::string>;
  EXPECT_EQ(Within(absl::Seconds(59)).value(), List());
  EXPECT_EQ(Within(absl::Minutes(2)).value(), List({"b"}));
  EXPECT_EQ(Within(absl::Minutes(7)).value(), List({"a", "b"}));
  Pass(absl::Minutes(8));
  EXPECT_EQ(Within(absl::Minutes(10)).value(), List({"b"}));
}

TEST_P(ANodeBus, ReportsThatItDoesNotRememberThatLong) {
  Record("a");
  const auto items = Within(absl::Minutes(11));
  EXPECT_TRUE(absl::IsOutOfRange(items.status())) << items.status();
}

// A node does not receive its own items, and is not among the others.
TEST_P(ANodeBus, LeavesItsOwnNodeOut) {
  struct Own final : NodeListener {
    void OnBus(absl::string_view /*from*/,
               absl::string_view /*bytes*/) override {
      ++received;
    }
    void OnBusRestored(absl::Duration /*gap*/) override {}
    std::string Stats() override { return "own"; }
    int received = 0;
  } own;
  engine_.SetNodeListener(&own);
  engine_.ToAll("a");
  world_->Settle();
  EXPECT_EQ(own.received, 0);
  bool listed = false;
  engine_.ListNodes([&](const auto& nodes) {
    ASSERT_TRUE(nodes.ok()) << nodes.status();
    listed = true;
    for (const OtherNode& node : *nodes) EXPECT_NE(node.stats, "own");
  });
  world_->Settle();
  EXPECT_TRUE(listed);
}

TEST_P(ANodeBus, FindsNoNodeForAGatewayThatHasNone) {
  absl::StatusOr<std::string> node = absl::InternalError("none");
  engine_.FindNode(99, [&](auto answer) {
    EXPECT_EQ(listener_.locked, "");
    node = std::move(answer);
  });
  world_->Settle();
  EXPECT_TRUE(absl::IsNotFound(node.status())) << node.status();
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_NODE_BUS_SUITE_H_
