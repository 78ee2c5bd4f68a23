// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/message.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

TEST(AMessage, IsReadFromItsData) {
  for (int64_t number = 1; number <= 3000; ++number) {
    const MessageId id{7, number};
    ASSERT_EQ(ParseData(DataOf(id)), id);
  }
}

TEST(AMessage, IsOfVeryDifferentSizes) {
  std::set<size_t> sizes;
  for (int64_t number = 1; number <= 5000; ++number) {
    sizes.insert(DataOf({7, number}).size());
  }
  EXPECT_LT(*sizes.begin(), 20u);
  EXPECT_GT(*sizes.rbegin(), 30000u);
}

TEST(AMessage, OfAFeedIsLong) {
  for (int64_t number = 1; number <= 1000; ++number) {
    ASSERT_GT(DataOf({kFeedFirst, number}).size(), 2000u);
  }
  EXPECT_EQ(ParseData(DataOf({kFeedFirst, 7})), (MessageId{kFeedFirst, 7}));
}

TEST(AMessage, ThatWasChangedIsNone) {
  const std::string data = DataOf({3, 17});
  EXPECT_THROW(ParseData(data.substr(0, data.size() - 2) + "\""), Failure);
  EXPECT_THROW(ParseData("\"m/3/18" + data.substr(7)), Failure);
  EXPECT_THROW(ParseData("\"\""), Failure);
  EXPECT_THROW(ParseData("\"m/3/x/\""), Failure);
}

}  // namespace
}  // namespace herald::chaos
