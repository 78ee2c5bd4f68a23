// SPDX-License-Identifier: Apache-2.0
//
// Hundreds of simulations (presence_simulation.h), each with another seed:
// every roster is complete, no room has more subscribers than its rule allows,
// and revoked users have left. A failure names its seed (seeds.h).

#include "tests/simulation/presence_simulation.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/simulation/seeds.h"

namespace herald::simulation {
namespace {

class APresentHerald : public ::testing::TestWithParam<EngineKind> {};

INSTANTIATE_TEST_SUITE_P(OnTheEmbeddedEngine, APresentHerald,
                         ::testing::Values(EngineKind::kEmbedded));
INSTANTIATE_TEST_SUITE_P(OnASlowEngine, APresentHerald,
                         ::testing::Values(EngineKind::kSlow));
INSTANTIATE_TEST_SUITE_P(OnTwoNodes, APresentHerald,
                         ::testing::Values(EngineKind::kShared));

TEST_P(APresentHerald, ShowsAllMembers) {
  const Seeds seeds(300);
  int joined = 0;
  int refused = 0;
  int revoked = 0;
  for (uint32_t seed = seeds.first; seed <= seeds.last; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    PresenceSimulation simulation(seed, GetParam());
    simulation.Run();
    if (HasFailure()) return;
    joined += simulation.joined();
    refused += simulation.refused();
    revoked += simulation.revoked();
  }
  RecordProperty("joined", joined);
  RecordProperty("refused", refused);
  RecordProperty("revoked", revoked);
  if (seeds.is_one) return;
  const int runs = static_cast<int>(seeds.last);
  EXPECT_GT(joined, 5 * runs);
  EXPECT_GT(refused, runs);
  EXPECT_GT(revoked, runs / 2);
}

}  // namespace
}  // namespace herald::simulation
