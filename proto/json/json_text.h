// SPDX-License-Identifier: Apache-2.0
//
// Writes JSON text (RFC 8259). Values that are JSON already are appended
// unchanged.

#ifndef HERALD_PROTO_JSON_JSON_TEXT_H_
#define HERALD_PROTO_JSON_JSON_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace herald::json {

// Appends `text` as a JSON string, quotes included. REQUIRES: it is UTF-8, but
// for halves of surrogate pairs as DecodeJsonString() has them, which
// become escapes again.
void AppendJsonString(absl::string_view text, std::string* out);

// `json`, or `null` if it is empty.
inline absl::string_view JsonOrNull(absl::string_view json) {
  return json.empty() ? absl::string_view("null") : json;
}

}  // namespace herald::json

#endif  // HERALD_PROTO_JSON_JSON_TEXT_H_
