// SPDX-License-Identifier: Apache-2.0
//
// Readings that are slow, and requests while one is under way.

#include "service/rules/rules_reader.h"

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proto/contract/condition.h"
#include "tests/support/deadline.h"

namespace herald::rules {
namespace {

using testing_support::WaitUntil;

// A file that is read when a test lets it be.
class ReadingRules : public ::testing::Test {
 protected:
  ~ReadingRules() override {
    let_ = 1000;
    EXPECT_TRUE(WaitUntil([&] { return !reader_.busy(); }));
  }

  // The patterns of the rules that were read; empty if there are none.
  std::string Take() {
    const auto result = reader_.Take();
    return result.has_value() ? result->rules->channels(0).pattern() : "";
  }

  std::atomic<int> let_{0};    // Readings that may end.
  std::atomic<int> begun_{0};  // Readings so far.
  std::atomic<int> done_{0};   // Calls of `done`.
  RulesReader reader_{[this] {
                        const int number = ++begun_;
                        WaitUntil([&] { return let_ >= number; });
                        config::v1::Config rules;
                        rules.add_channels()->set_pattern(absl::StrCat(number));
                        return RulesReader::Result{rules, {}};
                      },
                      [this] { ++done_; }};
};

TEST_F(ReadingRules, EndsWithSomethingToTakeOnce) {
  EXPECT_FALSE(reader_.busy());
  ASSERT_TRUE(reader_.Start().ok());
  EXPECT_TRUE(reader_.busy());
  EXPECT_EQ(Take(), "");
  let_ = 1;
  ASSERT_TRUE(WaitUntil([&] { return done_ == 1; }));
  EXPECT_EQ(Take(), "1");
  EXPECT_EQ(Take(), "");
  let_ = 2;
  ASSERT_TRUE(WaitUntil([&] { return !reader_.busy(); }));
  ASSERT_TRUE(reader_.Start().ok());
  ASSERT_TRUE(WaitUntil([&] { return done_ == 2; }));
  EXPECT_EQ(Take(), "2");
}

TEST_F(ReadingRules, IsRepeatedOnceForAllThatAskMeanwhile) {
  ASSERT_TRUE(reader_.Start().ok());
  ASSERT_TRUE(WaitUntil([&] { return begun_ == 1; }));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(reader_.Start().ok());
  let_ = 1;
  ASSERT_TRUE(WaitUntil([&] { return begun_ == 2; }));
  EXPECT_EQ(done_, 0) << "the file may have changed since";
  let_ = 2;
  ASSERT_TRUE(WaitUntil([&] { return !reader_.busy(); }));
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(begun_, 2);
  EXPECT_EQ(Take(), "2");
}

}  // namespace
}  // namespace herald::rules
