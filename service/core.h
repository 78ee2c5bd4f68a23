// SPDX-License-Identifier: Apache-2.0
//
// The service without its rims: creates the objects that decide, and connects
// them. Decides nothing itself.
//
// Lifetime: the ports outlive it, and it outlives their callbacks: stop the
// authorizer, the timers and the engine first.

#ifndef HERALD_SERVICE_CORE_H_
#define HERALD_SERVICE_CORE_H_

#include "service/api/broadcasts.h"
#include "service/api/commands.h"
#include "service/api/queries.h"
#include "service/api/watches.h"
#include "service/calls/calls.h"
#include "service/calls/node_calls.h"
#include "service/channel/channel_table.h"
#include "service/channel/fanout.h"
#include "service/channel/readiness.h"
#include "service/engine/engine.h"
#include "service/engine/engine_events.h"
#include "service/engine/open_channels.h"
#include "service/engine/ports.h"
#include "service/gateways/core_options.h"
#include "service/gateways/gateways.h"
#include "service/gateways/link_bytes.h"
#include "service/link/adoptions.h"
#include "service/link/links.h"
#include "service/link/recoveries.h"
#include "service/link/settling.h"
#include "service/link/whispers.h"
#include "service/rules/rule_changes.h"
#include "service/subscriptions/authorizer.h"
#include "service/subscriptions/sign_ins.h"
#include "service/subscriptions/subscriptions.h"

namespace herald::core {

class Core {
 public:
  Core(const CoreOptions& options, Engine* engine, Authorizer* authorizer,
       Timers* timers, ServiceObserver* observer);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Opens the settling time.
  void Start() { settling_.Start(); }

  // Refuses later requests of backends, and ends all links and Watches.
  void Stop();

  Links* links() { return &links_; }
  Broadcasts* broadcasts() { return &broadcasts_; }
  Watches* watches() { return &watches_; }
  Queries* queries() { return &queries_; }
  Commands* commands() { return &commands_; }
  RuleChanges* rules() { return &rules_; }
  const Readiness& readiness() const { return readiness_; }

 private:
  Readiness readiness_;
  ChannelTable table_;
  const Ports ports_;
  LinkBytes link_bytes_;
  Calls calls_;
  Gateways gateways_;
  NodeCalls node_calls_;
  Whispers whispers_;
  Fanout fanout_;
  OpenChannels open_;
  Subscriptions subscriptions_;
  SignIns sign_ins_;
  Recoveries recoveries_;
  Adoptions adoptions_;
  Settling settling_;
  Links links_;
  EngineEvents events_;
  Broadcasts broadcasts_;
  Watches watches_;
  Queries queries_;
  Commands commands_;
  RuleChanges rules_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_H_
