// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/quarantine.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/service/authorizer/questions.h"

namespace herald::authorizer {
namespace {

TEST(AQuarantine, IsForTheSocketForAMinute) {
  Quarantine quarantine;
  EXPECT_FALSE(quarantine.HasSocketOf(*Ask("a", "1.1", "x"), At(0)));
  quarantine.Add(*Ask("a", "1.1", "x"), At(0));
  EXPECT_TRUE(quarantine.HasSocketOf(*Ask("a", "1.1", "y"), At(59)));
  EXPECT_FALSE(quarantine.HasSocketOf(*Ask("a", "1.2", "x"), At(59)));
  EXPECT_FALSE(quarantine.HasSocketOf(*Ask("a", "1.1", "x"), At(60)));
}

TEST(AQuarantine, WatchesAnAddressOfSeveralSuchSocketsForAMinute) {
  Quarantine quarantine;
  for (int i = 0; i < Quarantine::kSockets; ++i) {
    EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(i)));
    quarantine.Add(*Ask("a", absl::StrCat("1.", i), "x"), At(i));
  }
  const double last = Quarantine::kSockets - 1;
  EXPECT_TRUE(quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(last)));
  EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("b", "1.7", "x"), At(last)));
  EXPECT_TRUE(
      quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(last + 59)));
  EXPECT_FALSE(
      quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(last + 60)));
}

TEST(AQuarantine, WatchesNoAddressForOneSocket) {
  Quarantine quarantine;
  for (int i = 0; i < 100; ++i) {
    quarantine.Add(*Ask("a", "1.1", "x"), At(i));
    EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("a", "1.2", "x"), At(i)));
  }
}

TEST(AQuarantine, WatchesNoAddressThatIsNotKnown) {
  Quarantine quarantine;
  for (int i = 0; i < 10; ++i) {
    quarantine.Add(*Ask("", absl::StrCat("1.", i), "x"), At(0));
  }
  EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("", "1.77", "x"), At(0)));
}

TEST(AQuarantine, IsBounded) {
  Quarantine quarantine;
  for (size_t i = 0; i < 2 * Quarantine::kSourcesMax; ++i) {
    quarantine.Add(*Ask(absl::StrCat("a", i), "1.1", "x"), At(0));
  }
  EXPECT_LE(quarantine.size(), Quarantine::kSourcesMax);
}

}  // namespace
}  // namespace herald::authorizer
