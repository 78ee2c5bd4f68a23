// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/fair_shares.h"

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::admission {
namespace {

using ::testing::ElementsAre;

class FairSharesTest : public ::testing::Test {
 protected:
  // Notes that it was evicted, and is destroyed then.
  class One final : public FairShares::Entry {
   public:
    One(FairSharesTest* test, int number) : test_(test), number_(number) {}
    void OnEvicted() override {
      test_->evicted_.push_back(number_);
      test_->all_.erase(number_);
    }

   private:
    FairSharesTest* const test_;
    const int number_;
  };

  One& Add(Source source, int64_t weight = 1) {
    const int number = ++last_;
    auto& one = all_[number];
    one = std::make_unique<One>(this, number);
    shares_.Add(one.get(), source, weight);
    return *one;
  }

  std::map<int, std::unique_ptr<One>> all_;
  std::vector<int> evicted_;
  int last_ = 0;
  FairShares shares_{16};
};

TEST_F(FairSharesTest, EvictNothingBelowTheBoundHoweverUnevenTheyAre) {
  for (int i = 0; i < 15; ++i) Add(1);
  Add(2);
  EXPECT_EQ(shares_.EvictIfFull(), 0);
  EXPECT_EQ(shares_.weight(), 16);
}

TEST_F(FairSharesTest, TakeTheOldestOfTheSourceThatHasTheMost) {
  for (Source other = 2; other < 8; ++other) Add(other);  // 1 to 6.
  for (int i = 0; i < 10; ++i) Add(1);                    // 7 to 16.
  Add(8);                                                 // 17.
  EXPECT_EQ(shares_.EvictIfFull(), 3);
  EXPECT_THAT(evicted_, ElementsAre(7, 8, 9)) << "an eighth is free then";
  EXPECT_EQ(shares_.weight(), 14);
}

TEST_F(FairSharesTest, TakeTheOldestOfAllIfNoneHasMoreThanAnother) {
  for (Source source = 1; source <= 17; ++source) Add(source);
  shares_.EvictIfFull();
  EXPECT_THAT(evicted_, ElementsAre(1, 2, 3));
}

TEST_F(FairSharesTest, TakeTheOldestIfThereIsOneSource) {
  for (int i = 0; i < 17; ++i) Add(1);
  shares_.EvictIfFull();
  EXPECT_THAT(evicted_, ElementsAre(1, 2, 3));
}

TEST_F(FairSharesTest, CountByWeight) {
  for (int i = 0; i < 6; ++i) Add(1);
  One& large = Add(2, 2);  // 7
  EXPECT_EQ(shares_.EvictIfFull(), 0);
  shares_.SetWeight(&large, 11);
  shares_.EvictIfFull();
  EXPECT_THAT(evicted_, ElementsAre(7));
  EXPECT_EQ(shares_.weight(), 6);
}

TEST_F(FairSharesTest, ForgetOneThatHasLeft) {
  One& first = Add(1);
  for (int i = 0; i < 15; ++i) Add(1);
  first.Leave();
  first.Leave();
  EXPECT_FALSE(first.is_in());
  EXPECT_EQ(shares_.weight(), 15);
  all_.erase(2);
  EXPECT_EQ(shares_.weight(), 14);
  EXPECT_EQ(shares_.EvictIfFull(), 0);
}

TEST_F(FairSharesTest, TakeOneThatIsAddedAgainForTheNewest) {
  One& first = Add(1);
  for (int i = 0; i < 16; ++i) Add(1);
  shares_.Add(&first, 1, 1);
  EXPECT_EQ(shares_.weight(), 17);
  shares_.EvictIfFull();
  EXPECT_THAT(evicted_, ElementsAre(2, 3, 4));
}

TEST_F(FairSharesTest, LookNoFurtherThanTheFirstThatMayNotGo) {
  for (int i = 0; i < 17; ++i) Add(1);
  int looks = 0;
  EXPECT_EQ(
      shares_.EvictIfFull([&](const auto& /*entry*/) { return ++looks <= 2; }),
      2);
  EXPECT_THAT(evicted_, ElementsAre(1, 2));
  EXPECT_EQ(shares_.EvictIfFull([](const auto& /*entry*/) { return false; }),
            0);
}

// Five sources flood, and three hundred bring one small thing each.
TEST_F(FairSharesTest, HarmOnlySourcesThatHaveMoreThanTheirPart) {
  std::mt19937 random(1);
  std::uniform_int_distribution<Source> flood(1, 5);
  std::uniform_int_distribution<int> weight(1, 50);
  shares_.SetMax(1000);
  std::vector<int> polite;
  for (int step = 0; step < 5'000; ++step) {
    if (step % 15 == 0 && polite.size() < 300) {
      Add(static_cast<Source>(100 + step));
      polite.push_back(last_);
    } else {
      Add(flood(random), weight(random));
    }
    shares_.EvictIfFull();
    ASSERT_LE(shares_.weight(), 1000);
  }
  for (const int one : polite) EXPECT_EQ(all_.count(one), 1u) << one;
  EXPECT_GT(evicted_.size(), 4000u);
}

}  // namespace
}  // namespace herald::admission
