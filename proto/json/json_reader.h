// SPDX-License-Identifier: Apache-2.0
//
// Splits JSON without changing a byte of it. Values are texts: the caller
// interprets numbers, and decides whether two keys are equal.
//
// REQUIRES: IsJson() holds for all texts passed in here (at any depth), and
// they have no spaces around them, like the parts that these classes return.

#ifndef HERALD_PROTO_JSON_JSON_READER_H_
#define HERALD_PROTO_JSON_JSON_READER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace herald::json {

// Walks over an object or an array:
//
//   JsonReader members(object);
//   while (members.Next()) Use(members.key(), members.value());
class JsonReader {
 public:
  // `container` outlives the reader and the texts that it returns.
  explicit JsonReader(absl::string_view container)
      : rest_(container.substr(1)), has_keys_(container.front() == '{') {}

  // Goes to the next member or element; false if there is none.
  bool Next();

  // A string as it is written, with its quotes. Empty in an array.
  absl::string_view key() const { return key_; }
  absl::string_view value() const { return value_; }

 private:
  void Skip();
  absl::string_view Take(size_t size);

  absl::string_view rest_;
  const bool has_keys_;
  absl::string_view key_;
  absl::string_view value_;
};

// A value without the spaces around it.
absl::string_view StripJsonSpace(absl::string_view text);

inline bool IsJsonObject(absl::string_view value) {
  return value.front() == '{';
}
inline bool IsJsonString(absl::string_view value) {
  return value.front() == '"';
}

// The decoded string. Half of a surrogate pair, which is JSON but not text,
// makes the result invalid UTF-8 (AppendCodePoint), so that checks of names
// refuse it. REQUIRES: IsJsonString().
std::string DecodeJsonString(absl::string_view string);

}  // namespace herald::json

#endif  // HERALD_PROTO_JSON_JSON_READER_H_
