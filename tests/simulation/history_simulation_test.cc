// SPDX-License-Identifier: Apache-2.0
//
// Thousands of simulations (simulation.h), each with another seed: every
// listener receives every event once and in order, or is notified of a loss. A
// failure names its seed (seeds.h).

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/simulation/seeds.h"
#include "tests/simulation/simulation.h"

namespace herald::simulation {
namespace {

// The same seeds are other runs on each engine.
class ASimulatedHerald : public ::testing::TestWithParam<EngineKind> {};

INSTANTIATE_TEST_SUITE_P(OnTheEmbeddedEngine, ASimulatedHerald,
                         ::testing::Values(EngineKind::kEmbedded));
INSTANTIATE_TEST_SUITE_P(OnASlowEngine, ASimulatedHerald,
                         ::testing::Values(EngineKind::kSlow));
INSTANTIATE_TEST_SUITE_P(OnTwoNodes, ASimulatedHerald,
                         ::testing::Values(EngineKind::kShared));

TEST_P(ASimulatedHerald, LosesNothingOrReportsIt) {
  const Seeds seeds(GetParam() == EngineKind::kShared ? 300 : 1000);
  int recovered = 0;
  int lost = 0;
  int received = 0;
  for (uint32_t seed = seeds.first; seed <= seeds.last; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Simulation simulation(seed, GetParam());
    simulation.Run();
    if (HasFailure()) return;
    recovered += simulation.recovered();
    lost += simulation.lost();
    received += simulation.received();
  }
  RecordProperty("recovered", recovered);
  RecordProperty("lost", lost);
  RecordProperty("received", received);
  if (seeds.is_one) return;
  const int runs = static_cast<int>(seeds.last);
  EXPECT_GT(recovered, 3 * runs / 10);
  EXPECT_GT(lost, runs);
  EXPECT_GT(received, 10 * runs);
}

}  // namespace
}  // namespace herald::simulation
