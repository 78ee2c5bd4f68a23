// SPDX-License-Identifier: Apache-2.0
//
// The environment of an engine in its suites.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_WORLD_H_
#define HERALD_TESTS_CONTRACT_ENGINE_WORLD_H_

#include <memory>

#include "service/engine/engine.h"
#include "tests/service/core/hub_fakes.h"

namespace herald::core {

// An engine, and how to wait for it.
class EngineWorld {
 public:
  virtual ~EngineWorld() = default;
  virtual Engine& engine() = 0;
  // All that was asked is answered.
  virtual void Settle() = 0;
};

using MakeEngineWorld = std::unique_ptr<EngineWorld> (*)(FakeTimers*);

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_WORLD_H_
