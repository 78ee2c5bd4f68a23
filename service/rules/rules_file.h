// SPDX-License-Identifier: Apache-2.0
//
// The file with rules for channels that `BROADCAST_CONFIG` names: config.proto,
// written as JSON or in protobuf's text format. The file name decides: `.json`
// is JSON; `.textproto`, `.txtpb` and `.pbtxt` are text. For other names the
// first byte decides, which is `{` in JSON only.
//
// Failure: a file counts as a whole or not at all. The message has the place
// and the reason: `rules.json:7: unknown field "histroySize"`.
//
//   INVALID_ARGUMENT  something in it is wrong, or it has more than
//                     kRulesFileBytesMax, or it is not a regular file
//   others            it cannot be read, for example NOT_FOUND
//
// Reading does not wait, so a pipe is refused.
//
// Threads: any.

#ifndef HERALD_SERVICE_RULES_RULES_FILE_H_
#define HERALD_SERVICE_RULES_RULES_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/config/v1/config.pb.h"

namespace herald::rules {

// More than 1,000 rules with the longest names need, and comments.
inline constexpr int64_t kRulesFileBytesMax = 4 << 20;

// The settings that bound the values of rules.
struct RulesBounds {
  int64_t payload_bytes_max = 0;     // BROADCAST_MAX_PAYLOAD
  int64_t history_memory_bytes = 0;  // BROADCAST_HISTORY_MEMORY
};

// Reads and checks the file: the result obeys all rules of config.proto. Adds a
// line in the form of the errors to `warnings` for each surprising value, such
// as a history that may exceed the memory.
absl::StatusOr<config::v1::Config> ReadRulesFile(
    const std::string& path, const RulesBounds& bounds,
    std::vector<std::string>* warnings = nullptr);

// The same for `text`, which was read from `path`.
absl::StatusOr<config::v1::Config> ParseRules(
    absl::string_view path, absl::string_view text, const RulesBounds& bounds,
    std::vector<std::string>* warnings = nullptr);

}  // namespace herald::rules

#endif  // HERALD_SERVICE_RULES_RULES_FILE_H_
