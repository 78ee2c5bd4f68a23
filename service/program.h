// SPDX-License-Identifier: Apache-2.0
//
// herald-service as a program: settings, objects, run, drain, exit. Only the
// engine is its caller's.

#ifndef HERALD_SERVICE_PROGRAM_H_
#define HERALD_SERVICE_PROGRAM_H_

#include <functional>
#include <memory>

#include "service/channel/timers.h"
#include "service/engine/engine.h"
#include "service/process/options.h"

namespace herald::service {

// Makes the engine. `timers` outlive it.
using EngineFactory = std::function<std::unique_ptr<core::Engine>(
    const ServiceOptions& options, core::Timers* timers)>;

// Runs until a signal ends it, or a setting keeps it from starting. Returns the
// exit code.
int RunService(int argc, char** argv, const EngineFactory& make_engine);

}  // namespace herald::service

#endif  // HERALD_SERVICE_PROGRAM_H_
