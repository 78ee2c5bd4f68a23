// SPDX-License-Identifier: Apache-2.0
//
// The part of the clusters' suite (engine_cluster_suite.h) that is about
// publications.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_LOG_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_LOG_SUITE_H_

#include "tests/contract/engine_cluster_suite.h"

namespace herald::core {

TEST_P(ACluster, HasOneOrderOfAChannelAtAllNodes) {
  InEachWorld([&] {
    OpenAtBoth("a", kMany);
    std::vector<std::shared_ptr<Receipt>> receipts;
    for (int i = 0; i < 20; ++i) {
      receipts.push_back(Publish(i % 2, "a", absl::StrCat(i), kMany));
      world().SettlePartly();
    }
    world().Settle();
    const auto received = Publications(Received(0));
    EXPECT_EQ(received.size(), receipts.size());
    EXPECT_EQ(Publications(Received(1)), received);
    for (size_t i = 0; i < receipts.size(); ++i) {
      ASSERT_TRUE(receipts[i]->ok()) << receipts[i]->status();
      const int64_t offset = (**receipts[i]).position.offset;
      ASSERT_GT(offset, 0);
      EXPECT_EQ(received[static_cast<size_t>(offset) - 1], absl::StrCat(i));
    }
    EXPECT_EQ(At(0, "a"), At(1, "a"));
  });
}

TEST_P(ACluster, CountsTheSubscribersOfAllNodes) {
  InEachWorld([&] {
    OpenAtBoth("a");
    const int64_t at0 = Attach(0, 1);
    const int64_t at1 = Attach(1, 2);
    Subscribe(0, "a", 1, at0);
    Subscribe(1, "a", 2, at1);
    world().Settle();
    const auto receipt = Publish(0, "a", "1");
    world().Settle();
    ASSERT_TRUE(receipt->ok());
    EXPECT_EQ((**receipt).subscribers, 2);
  });
}

TEST_P(ACluster, HasOneReceiptForAKeyThatIsRepeatedAtOnce) {
  InEachWorld([&] {
    OpenAtBoth("a", kTen);
    const auto first = Publish(0, "a", "1", kTen, "key");
    const auto second = Publish(1, "a", "1", kTen, "key");
    world().Settle();
    ASSERT_TRUE(first->ok() && second->ok());
    EXPECT_NE((**first).repeated, (**second).repeated);
    EXPECT_EQ((**first).position, (**second).position);
    for (int node : {0, 1}) {
      EXPECT_THAT(Received(node), ::testing::ElementsAre("a: 1"));
    }
  });
}

TEST_P(ACluster, LosesAndDoublesNothingWhileAChannelIsOpened) {
  InEachWorld([&] {
    Open(0, "a", kMany);
    world().Settle();
    constexpr int kCount = 20;
    for (int i = 1; i <= kCount; ++i) {
      Publish(0, "a", absl::StrCat(i), kMany);
      if (i == 7) Open(1, "a", kMany);
      world().SettlePartly();
    }
    world().Settle();
    EXPECT_EQ(At(1, "a")->offset, kCount);
    // The deliveries are the end of the history, from the opening on.
    const auto received = Publications(Received(1));
    for (size_t i = 0; i < received.size(); ++i) {
      EXPECT_EQ(received[i], absl::StrCat(kCount - received.size() + i + 1));
    }
    Missed missed;
    listener(1).WithChannel("a", [&] {
      engine(1).Since("a", std::nullopt, 1000,
                      [&](auto answer) { missed = *std::move(answer); });
    });
    world().Settle();
    EXPECT_EQ(missed.chunks.size(), static_cast<size_t>(kCount));
  });
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_CLUSTER_LOG_SUITE_H_
