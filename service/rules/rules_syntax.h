// SPDX-License-Identifier: Apache-2.0
//
// The two forms of a rules file, each with the lines on which things are said,
// so that whoever checks the rules can say where they are wrong. What they say
// is not checked here.
//
// Failure: INVALID_ARGUMENT, `path:line: reason`, for the first thing that is
// not of the form, a field that does not exist, or a value that is not of its
// field's type.

#ifndef HERALD_SERVICE_RULES_RULES_SYNTAX_H_
#define HERALD_SERVICE_RULES_RULES_SYNTAX_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/config/v1/config.pb.h"

namespace herald::rules {

// Where one rule is. Lines count from 1.
struct RuleLines {
  int rule = 0;
  absl::flat_hash_map<int, int> fields;  // Of those that are there, by number.

  // The field's, or else the rule's.
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

// The error for what is on a line.
absl::Status WrongAt(absl::string_view path, int line,
                     absl::string_view reason);

}  // namespace herald::rules

#endif  // HERALD_SERVICE_RULES_RULES_SYNTAX_H_
