// SPDX-License-Identifier: Apache-2.0

#include "service/core.h"

namespace herald::core {

Core::Core(const CoreOptions& options, Engine* engine, Authorizer* authorizer,
           Timers* timers, ServiceObserver* observer)
    : table_(options.settings.max_channels()),
      ports_{&table_, engine, engine,   engine,
             engine,  timers, observer, &readiness_},
      link_bytes_(options.links_bytes_max, timers, observer),
      calls_(timers, observer),
      gateways_(options.settings, timers),
      node_calls_(ports_, &calls_, &gateways_),
      whispers_(ports_, &gateways_),
      fanout_(&table_, engine, observer, &whispers_),
      open_(&table_, engine),
      subscriptions_(ports_, authorizer, &fanout_, &open_, &calls_,
                     options.settings.max_channels()),
      sign_ins_(&readiness_, authorizer),
      recoveries_(ports_),
      adoptions_(ports_, &fanout_, &open_, &recoveries_),
      settling_(ports_, options, &fanout_, &gateways_),
      links_(
          ports_, options,
          {&link_bytes_, &open_, &calls_, &gateways_, &whispers_,
           &subscriptions_, &sign_ins_, &recoveries_, &adoptions_, &settling_}),
      events_(ports_, &fanout_, &links_),
      broadcasts_(ports_, options.settings.max_payload()),
      watches_(ports_, &fanout_, &open_),
      queries_(ports_, options.version, &gateways_, &link_bytes_, &watches_,
               &settling_),
      commands_(ports_, options.authorizer_timeout, &node_calls_),
      rules_(ports_, options.settings, &gateways_) {
  engine->SetListener(&events_);
  engine->SetNodeListener(&node_calls_);
  rules_.Begin();
}

void Core::Stop() {
  readiness_.Stop();
  watches_.Stop();
  links_.Stop();
}

}  // namespace herald::core
