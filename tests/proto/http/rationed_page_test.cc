// SPDX-License-Identifier: Apache-2.0

#include "proto/http/rationed_page.h"

#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace herald::process {
namespace {

class ARationedPage : public ::testing::Test {
 protected:
  // Requests without a pause, until one is answered with an old text.
  void Flood() {
    std::string last;
    while (last != page_.Text()) last = std::to_string(made_);
  }

  absl::Time now_ = absl::UnixEpoch();
  absl::Duration cost_ = absl::Milliseconds(2);
  int made_ = 0;
  RationedPage page_{[this] {
                       now_ += cost_;
                       return std::to_string(++made_);
                     },
                     [this] { return now_; }};
};

TEST_F(ARationedPage, IsNewForAClientThatComesNowAndThen) {
  for (int i = 1; i <= 1000; ++i) {
    EXPECT_EQ(page_.Text(), std::to_string(i));
    now_ += absl::Milliseconds(38);
  }
}

TEST_F(ARationedPage, IsMadeForATwentiethOfTheTimeInAFlood) {
  Flood();
  EXPECT_GE(made_, 100);
  EXPECT_LE(made_, 106);  // Some time is earned meanwhile.
  const int before = made_;
  for (int i = 0; i < 4000; ++i) {
    now_ += absl::Milliseconds(1);
    page_.Text();
  }
  EXPECT_GE(made_ - before, 99);
  EXPECT_LE(made_ - before, 106);
}

TEST_F(ARationedPage, IsNewAfterAPauseOfTheProcess) {
  cost_ = absl::Minutes(1);
  EXPECT_EQ(page_.Text(), "1");
  EXPECT_EQ(page_.Text(), "2");
}

}  // namespace
}  // namespace herald::process
