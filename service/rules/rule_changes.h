// SPDX-License-Identifier: Apache-2.0
//
// Puts rules for channels in force, on the channels that are there and on the
// gateways.
//
// Threads: one call at a time.

#ifndef HERALD_SERVICE_RULES_RULE_CHANGES_H_
#define HERALD_SERVICE_RULES_RULE_CHANGES_H_

#include <utility>

#include "herald/config/v1/config.pb.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/engine/ports.h"
#include "service/engine/upkeep.h"
#include "service/link/gateways.h"

namespace herald::core {

class RuleChanges {
 public:
  // Begins without rules. `settings` are what holds for channels without one;
  // `upkeep` and `gateways` outlive the object.
  RuleChanges(const Ports& ports, link::v1::Settings settings, Upkeep* upkeep,
              Gateways* gateways)
      : table_(ports.table),
        engine_(ports.engine),
        settings_(std::move(settings)),
        upkeep_(upkeep),
        gateways_(gateways) {
    Apply({});
  }

  // Applies the file's rules, which are valid.
  void Set(const config::v1::Config& config) {
    Apply(config);
    gateways_->SetRules(config);
  }

 private:
  void Apply(const config::v1::Config& config);

  ChannelTable* const table_;
  Engine* const engine_;
  const link::v1::Settings settings_;
  Upkeep* const upkeep_;
  Gateways* const gateways_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_RULES_RULE_CHANGES_H_
