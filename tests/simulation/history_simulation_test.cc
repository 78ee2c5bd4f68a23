// SPDX-License-Identifier: Apache-2.0
//
// Thousands of simulations (simulation.h), each with another seed: everybody
// hears everything once and in order, or is told so. A failure names its seed;
// HERALD_SIMULATION_SEED=N runs that one alone, and HERALD_SIMULATION_SEEDS=N
// so many.

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/simulation/simulation.h"

namespace herald::simulation {
namespace {

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* const text = std::getenv(name);
  uint32_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number
                                                            : otherwise;
}

// The same seeds are other runs on each engine.
class ASimulatedHerald : public ::testing::TestWithParam<EngineKind> {};

INSTANTIATE_TEST_SUITE_P(OnTheEmbeddedEngine, ASimulatedHerald,
                         ::testing::Values(EngineKind::kEmbedded));
INSTANTIATE_TEST_SUITE_P(OnASlowEngine, ASimulatedHerald,
                         ::testing::Values(EngineKind::kSlow));
INSTANTIATE_TEST_SUITE_P(OnTwoNodes, ASimulatedHerald,
                         ::testing::Values(EngineKind::kShared));

TEST_P(ASimulatedHerald, LosesNothingOrSaysSo) {
  const uint32_t only = FromEnvironment("HERALD_SIMULATION_SEED", 0);
  const uint32_t first = only > 0 ? only : 1;
  const uint32_t seeds = GetParam() == EngineKind::kShared ? 300 : 1000;
  const uint32_t last =
      only > 0 ? only : FromEnvironment("HERALD_SIMULATION_SEEDS", seeds);
  int recovered = 0;
  int lost = 0;
  int heard = 0;
  for (uint32_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Simulation simulation(seed, GetParam());
    simulation.Run();
    if (HasFailure()) return;
    recovered += simulation.recovered();
    lost += simulation.lost();
    heard += simulation.heard();
  }
  RecordProperty("recovered", recovered);
  RecordProperty("lost", lost);
  RecordProperty("heard", heard);
  if (only > 0) return;
  const int runs = static_cast<int>(last);
  EXPECT_GT(recovered, 3 * runs / 10);
  EXPECT_GT(lost, runs);
  EXPECT_GT(heard, 10 * runs);
}

}  // namespace
}  // namespace herald::simulation
