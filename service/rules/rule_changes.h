// SPDX-License-Identifier: Apache-2.0
//
// Applies rules for channels: to the existing channels, and to the gateways.
//
// Threads: one call at a time.

#ifndef HERALD_SERVICE_RULES_RULE_CHANGES_H_
#define HERALD_SERVICE_RULES_RULE_CHANGES_H_

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "herald/config/v1/config.pb.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/engine/ports.h"
#include "service/gateways/gateways.h"

namespace herald::core {

class RuleChanges {
 public:
  // `settings` hold for channels without a rule. `gateways` outlives the
  // object.
  RuleChanges(const Ports& ports, link::v1::Settings settings,
              Gateways* gateways)
      : table_(ports.table),
        log_(ports.log),
        membership_(ports.membership),
        settings_(std::move(settings)),
        gateways_(gateways) {}

  // Applies the defaults, which hold without rules. Called once, before all
  // else.
  void Begin() { Apply({}); }

  // Applies the file's rules, which are valid.
  void Set(const config::v1::Config& config) {
    Apply(config);
    gateways_->SetRules(config);
  }

 private:
  void Apply(const config::v1::Config& config);
  // The channel has listeners, and the old rules gave it a history.
  void ChangeHistory(ChannelShard& shard, absl::string_view channel,
                     const HistoryLimits& old)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  ChannelTable* const table_;
  ChannelLog* const log_;
  Membership* const membership_;
  const link::v1::Settings settings_;
  Gateways* const gateways_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_RULES_RULE_CHANGES_H_
