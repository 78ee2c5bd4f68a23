// SPDX-License-Identifier: Apache-2.0

#include "service/questions/refusal_pauses.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/service/questions/questions.h"

namespace herald::authorizer {
namespace {

void Deny(RefusalPauses& pauses, int times, double seconds = 0) {
  for (int i = 0; i < times; ++i) pauses.OnDenied("1.1", At(seconds));
}

TEST(APause, DoesNotFollowTheFewDenialsOfAPage) {
  RefusalPauses pauses;
  Deny(pauses, RefusalPauses::kFree - 1);
  EXPECT_EQ(pauses.NotBefore("1.1", At(0)), absl::InfinitePast());
}

TEST(APause, GrowsWithEachDenialAndHasAnEnd) {
  RefusalPauses pauses;
  Deny(pauses, RefusalPauses::kFree);
  EXPECT_EQ(pauses.NotBefore("1.1", At(0)), At(0.1));
  Deny(pauses, 1, 1);
  EXPECT_EQ(pauses.NotBefore("1.1", At(1)), At(1.2));
  Deny(pauses, 100, 2);
  EXPECT_EQ(pauses.NotBefore("1.1", At(2)), At(7));
  EXPECT_EQ(pauses.NotBefore("1.2", At(2)), absl::InfinitePast());
}

TEST(APause, ComesBeforeEachQuestion) {
  RefusalPauses pauses;
  Deny(pauses, RefusalPauses::kFree);
  pauses.OnAsked("1.1", At(0.5));
  EXPECT_EQ(pauses.NotBefore("1.1", At(0.5)), At(0.6));
}

TEST(APause, EndsWithAYesAndAfterAWhile) {
  RefusalPauses pauses;
  Deny(pauses, RefusalPauses::kFree + 50);
  EXPECT_EQ(pauses.NotBefore("1.1", At(60)), absl::InfinitePast());
  pauses.OnAllowed("1.1");
  EXPECT_EQ(pauses.NotBefore("1.1", At(0)), absl::InfinitePast());
  EXPECT_EQ(pauses.size(), 0u);
}

TEST(APause, RestartsAfterAnOutage) {
  RefusalPauses pauses;
  Deny(pauses, RefusalPauses::kFree);
  pauses.OnReturn(At(1), At(100));
  EXPECT_EQ(pauses.NotBefore("1.1", At(100)), At(100.1));
  EXPECT_EQ(pauses.NotBefore("1.1", At(160)), absl::InfinitePast());
  pauses.OnReturn(At(160), At(170));
  EXPECT_EQ(pauses.NotBefore("1.1", At(170)), absl::InfinitePast())
      << "it was forgotten before";
}

TEST(APause, IsRememberedOfABoundedNumberOfSockets) {
  RefusalPauses pauses;
  for (size_t i = 0; i < 2 * RefusalPauses::kSocketsMax; ++i) {
    pauses.OnDenied(absl::StrCat("1.", i), At(0));
  }
  EXPECT_EQ(pauses.size(), RefusalPauses::kSocketsMax);
  pauses.OnDenied("1.1", At(61));
  EXPECT_EQ(pauses.size(), 1u);
}

}  // namespace
}  // namespace herald::authorizer
