// SPDX-License-Identifier: Apache-2.0
//
// All ports of an engine in one object. Users depend on the one that they need.

#ifndef HERALD_SERVICE_ENGINE_ENGINE_H_
#define HERALD_SERVICE_ENGINE_ENGINE_H_

#include "service/engine/channel_log.h"
#include "service/engine/directory.h"
#include "service/engine/engine_listener.h"
#include "service/engine/membership.h"
#include "service/engine/node_bus.h"

namespace herald::core {

class Engine : public ChannelLog,
               public Membership,
               public Directory,
               public NodeBus {
 public:
  // Sets the listener. Called once, before all else; `listener` outlives the
  // engine's last call.
  virtual void SetListener(EngineListener* listener) = 0;

  // Once it returns, the engine makes no more calls. Pending calls may stay
  // unanswered: the server has drained before.
  virtual void Stop() {}
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_ENGINE_H_
