// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/authorizer_answer.h"

#include <limits>

#include "gtest/gtest.h"

namespace herald::authorizer {
namespace {

TEST(Durations, AreTakenAsTheAuthorizerMeantThem) {
  google::protobuf::Duration duration;
  EXPECT_EQ(ToDuration(duration), absl::ZeroDuration());
  duration.set_seconds(1);
  duration.set_nanos(500'000'000);
  EXPECT_EQ(ToDuration(duration), absl::Milliseconds(1500));
  duration.set_seconds(-1);
  EXPECT_EQ(ToDuration(duration), absl::ZeroDuration());  // Signs disagree.
  duration.set_nanos(0);
  EXPECT_LT(ToDuration(duration), absl::ZeroDuration());
  duration.set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_GT(ToDuration(duration), absl::Hours(24 * 365 * 1000));
}

TEST(ANo, HasItsReasonOnOneLine) {
  v1::Decision decision;
  decision.set_reason("the trial is over\r\nsince \x7Fmonday");
  EXPECT_EQ(ToDecision(decision).status,
            absl::PermissionDeniedError("the trial is over  since  monday"));
}

}  // namespace
}  // namespace herald::authorizer
