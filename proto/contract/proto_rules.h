// SPDX-License-Identifier: Apache-2.0
//
// Rules for channels, from the messages that carry them.

#ifndef HERALD_PROTO_CONTRACT_PROTO_RULES_H_
#define HERALD_PROTO_CONTRACT_PROTO_RULES_H_

#include <vector>

#include "google/protobuf/repeated_ptr_field.h"
#include "herald/config/v1/config.pb.h"
#include "proto/contract/channel_rules.h"

namespace herald::contract {

// In their order. REQUIRES: they were checked (service/rules), or come from a
// service that has checked them.
std::vector<ChannelRule> RulesOf(
    const google::protobuf::RepeatedPtrField<config::v1::ChannelRule>& rules);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_PROTO_RULES_H_
