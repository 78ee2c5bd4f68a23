// SPDX-License-Identifier: Apache-2.0
//
// The file with rules. Promise: a file that is accepted keeps every bound of
// config.proto, and means the same when it is written again as JSON and as
// text; one that is refused is refused with its name and a line.

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "proto/contract/channel_rules.h"
#include "service/rules/rules_file.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/refusal.h"

namespace herald::fuzz {
namespace {

using config::v1::ChannelRule;
using config::v1::Config;
using contract::Require;

constexpr rules::RulesBounds kBounds = {.payload_bytes_max = 1000,
                                        .history_memory_bytes = 1 << 20};

absl::Duration ToDuration(const google::protobuf::Duration& in) {
  return absl::Seconds(in.seconds()) + absl::Nanoseconds(in.nanos());
}

void RequireBounds(const ChannelRule& rule) {
  Require(contract::CheckChannelPattern(rule.pattern()).ok());
  Require(rule.history_size() >= 0 &&
          rule.history_size() <= contract::kHistorySizeMax);
  Require(rule.max_subscribers() >= 0);
  if (rule.has_max_payload()) {
    Require(rule.max_payload() >= 1 &&
            rule.max_payload() <= kBounds.payload_bytes_max);
  }
  if (rule.has_history_ttl()) {
    Require(ToDuration(rule.history_ttl()) >= contract::kHistoryTtlMin);
    Require(ToDuration(rule.history_ttl()) <= contract::kHistoryTtlMax);
  }
  if (rule.has_member_grace()) {
    Require(ToDuration(rule.member_grace()) >= absl::ZeroDuration());
    Require(ToDuration(rule.member_grace()) <= contract::kMemberGraceMax);
  }
}

void RequireBounds(const Config& config) {
  Require(config.channels_size() <= contract::kChannelRulesMax);
  absl::flat_hash_set<std::string> patterns;
  for (const ChannelRule& rule : config.channels()) {
    Require(patterns.insert(rule.pattern()).second);
    RequireBounds(rule);
  }
}

void RequireSame(absl::string_view path, absl::string_view text,
                 const Config& config) {
  const absl::StatusOr<Config> again = rules::ParseRules(path, text, kBounds);
  Require(again.ok());
  Require(again->SerializeAsString() == config.SerializeAsString());
}

void RequireSameAgain(const Config& config) {
  std::string json;
  Require(google::protobuf::util::MessageToJsonString(config, &json).ok());
  RequireSame("again.json", json, config);
  std::string text;
  Require(google::protobuf::TextFormat::PrintToString(config, &text));
  RequireSame("again.textproto", text, config);
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using herald::contract::Require;
  static constexpr absl::string_view kPaths[] = {"rules.json",
                                                 "rules.textproto", "rules"};
  herald::fuzz::Input input(data, size);
  const absl::string_view path = input.Of(kPaths);
  std::vector<std::string> warnings;
  const auto config = herald::rules::ParseRules(
      path, input.Rest(), herald::fuzz::kBounds, &warnings);
  for (const std::string& warning : warnings) {
    herald::fuzz::RequirePrintable(warning);
  }
  if (herald::fuzz::IsOkOr(config.status(),
                           {absl::StatusCode::kInvalidArgument})) {
    herald::fuzz::RequireBounds(*config);
    herald::fuzz::RequireSameAgain(*config);
  } else {
    Require(
        absl::StartsWith(config.status().message(), absl::StrCat(path, ":")));
  }
  return 0;
}
