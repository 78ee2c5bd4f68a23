// SPDX-License-Identifier: Apache-2.0
//
// herald-service with MemoryEngine: all state is in its own memory.

#include <memory>

#include "service/memory/memory_engine.h"
#include "service/program.h"

int main(int argc, char** argv) {
  return herald::service::RunService(
      argc, argv,
      [](const herald::service::ServiceOptions& options,
         herald::core::Timers* timers) {
        return std::make_unique<herald::core::MemoryEngine>(
            timers, herald::core::MemoryEngineOptions{
                        .history_bytes_max = options.history_memory});
      });
}
