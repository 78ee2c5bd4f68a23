// SPDX-License-Identifier: Apache-2.0
//
// JSON for programs: just enough to write objects, one per line. Payloads are
// JSON text already and are put in as they are.

#ifndef HERALD_CLIENTS_CLI_JSON_H_
#define HERALD_CLIENTS_CLI_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::cli {

// The bytes of the UTF-8 character that `text` begins with; 0 if it begins with
// none.
size_t Utf8CharacterSize(absl::string_view text);

// A JSON string. Broken UTF-8 becomes U+FFFD.
std::string JsonString(absl::string_view text);

// JSON text of any origin, put on one line; `null` if empty.
std::string JsonText(absl::string_view text);

// A JSON array of values that are JSON text.
std::string JsonArray(const std::vector<std::string>& values);

// Builds a JSON object. Names must need no escaping.
class JsonObject {
 public:
  JsonObject& Add(absl::string_view name, absl::string_view text);
  JsonObject& Add(absl::string_view name, int64_t number);

  // Adds a value that is JSON text.
  JsonObject& AddJson(absl::string_view name, absl::string_view value);

  std::string str() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_JSON_H_
