// SPDX-License-Identifier: Apache-2.0
//
// All ports of an engine in one object. Who uses one of them takes that one.

#ifndef HERALD_SERVICE_ENGINE_ENGINE_H_
#define HERALD_SERVICE_ENGINE_ENGINE_H_

#include "service/engine/channel_log.h"
#include "service/engine/directory.h"
#include "service/engine/engine_listener.h"
#include "service/engine/membership.h"

namespace herald::core {

class Engine : public ChannelLog, public Membership, public Directory {
 public:
  // Says who listens. Called once, before all else; `listener` outlives the
  // engine's last call.
  virtual void SetListener(EngineListener* listener) = 0;

  // From when it returns on it calls nobody any more. What is open was answered
  // before, or nobody waits for it.
  virtual void Stop() {}
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_ENGINE_H_
