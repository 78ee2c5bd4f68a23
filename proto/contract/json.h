// SPDX-License-Identifier: Apache-2.0
//
// What is JSON for Herald: one value as RFC 8259 defines it, in UTF-8 (section
// 8.1), nested at most kJsonDepthMax deep (limits.h). All JSON that enters
// Herald is held to this, in every process, so no library's version decides
// what passes.
//
// What RFC 8259 allows and some parsers refuse is JSON here and passes byte for
// byte: numbers of any size, half of a surrogate pair as an escape ("\ud83d"),
// a key that is there twice. No byte order mark is accepted.
//
// Cost: about 1 ns a byte of structure, less in long strings; no recursion and
// no allocation up to kJsonDepthMax.

#ifndef HERALD_PROTO_CONTRACT_JSON_H_
#define HERALD_PROTO_CONTRACT_JSON_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace herald::contract {

// Where a text ends to be JSON.
struct JsonFault {
  size_t offset = 0;           // May be the size of the text.
  absl::string_view expected;  // What belongs there: "a value", "a :" …
  bool too_deep = false;       // Then nothing is expected.
};

// Nothing if `text` is JSON.
std::optional<JsonFault> FindJsonFault(absl::string_view text);

// The same without a bound on nesting, for a message whose parts are bounded
// one by one. `*depth` is how deep `text` is nested, if it is JSON.
std::optional<JsonFault> FindJsonFault(absl::string_view text, int* depth);

// A sentence about a fault, without the place: `"]" stands where a value
// belongs`.
std::string Describe(const JsonFault& fault, absl::string_view text);

bool IsJson(absl::string_view text);

// INVALID_ARGUMENT if `text` is not JSON; `what` names it in the message.
absl::Status CheckJson(absl::string_view what, absl::string_view text);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_JSON_H_
