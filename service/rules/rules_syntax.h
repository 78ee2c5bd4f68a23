// SPDX-License-Identifier: Apache-2.0
//
// Parses the two forms of a rules file, and records the line of each field, so
// that later checks can report it. The values of rules are not checked here.
//
// Failure: INVALID_ARGUMENT, `path:line: reason`, for the first syntax error,
// unknown field, or value that is not of its field's type.

#ifndef HERALD_SERVICE_RULES_RULES_SYNTAX_H_
#define HERALD_SERVICE_RULES_RULES_SYNTAX_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/config/v1/config.pb.h"

namespace herald::rules {

// The place of one rule. Lines count from 1.
struct RuleLines {
  int rule = 0;
  absl::flat_hash_map<int, int> fields;  // Of the fields that are set.

  // The line of the field, or of the rule if the field is not set.
  int Of(int field_number) const {
    const auto it = fields.find(field_number);
    return it == fields.end() ? rule : it->second;
  }
};

struct ParsedRules {
  config::v1::Config config;
  std::vector<RuleLines> lines;  // One for each of config.channels().
  bool json = false;             // Fields have their JSON names.
};

absl::StatusOr<ParsedRules> ParseRulesJson(absl::string_view path,
                                           absl::string_view text);
absl::StatusOr<ParsedRules> ParseRulesText(absl::string_view path,
                                           absl::string_view text);

// The error for a line of the file.
absl::Status WrongAt(absl::string_view path, int line,
                     absl::string_view reason);

}  // namespace herald::rules

#endif  // HERALD_SERVICE_RULES_RULES_SYNTAX_H_
