// SPDX-License-Identifier: Apache-2.0
//
// Herald's definition of JSON: one value as RFC 8259 defines it, in UTF-8
// (section 8.1), nested at most kJsonDepthMax deep (limits.h). All JSON that
// enters Herald is checked against this, in every process, so it does not
// depend on the version of a library.
//
// Some texts that RFC 8259 allows are refused by some parsers. These are JSON
// here and pass byte for byte: numbers of any size, half of a surrogate pair as
// an escape ("\ud83d"), a repeated key. No byte order mark is accepted.
//
// Cost: about 1 ns a byte of structure, less in long strings; no recursion and
// no allocation up to kJsonDepthMax.

#ifndef HERALD_PROTO_JSON_JSON_H_
#define HERALD_PROTO_JSON_JSON_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace herald::json {

// The place where a text stops being JSON.
struct JsonFault {
  size_t offset = 0;           // May be the size of the text.
  absl::string_view expected;  // "a value", "a :" …
  bool too_deep = false;       // Then nothing is expected.
};

// nullopt if `text` is JSON.
std::optional<JsonFault> FindJsonFault(absl::string_view text);

// The same without a bound on nesting, for a message with bounds on each of its
// parts. `*depth` is the nesting depth of `text`, if it is JSON.
std::optional<JsonFault> FindJsonFault(absl::string_view text, int* depth);

// A sentence about a fault, without the place: `"]" stands where a value
// belongs`.
std::string Describe(const JsonFault& fault, absl::string_view text);

bool IsJson(absl::string_view text);

// INVALID_ARGUMENT if `text` is not JSON; the message calls it `what`.
absl::Status CheckJson(absl::string_view what, absl::string_view text);

}  // namespace herald::json

#endif  // HERALD_PROTO_JSON_JSON_H_
