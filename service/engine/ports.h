// SPDX-License-Identifier: Apache-2.0
//
// The dependencies that most objects of the service take. All outlive these
// objects and their callbacks: stop the authorizer and the timers first.

#ifndef HERALD_SERVICE_ENGINE_PORTS_H_
#define HERALD_SERVICE_ENGINE_PORTS_H_

#include "service/channel/channel_table.h"
#include "service/channel/observer.h"
#include "service/channel/readiness.h"
#include "service/channel/timers.h"
#include "service/engine/channel_log.h"
#include "service/engine/directory.h"
#include "service/engine/membership.h"
#include "service/engine/node_bus.h"

namespace herald::core {

struct Ports {
  ChannelTable* table = nullptr;
  ChannelLog* log = nullptr;
  Membership* membership = nullptr;
  Directory* directory = nullptr;
  NodeBus* bus = nullptr;
  Timers* timers = nullptr;
  ServiceObserver* observer = nullptr;
  Readiness* readiness = nullptr;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_PORTS_H_
