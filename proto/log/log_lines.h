// SPDX-License-Identifier: Apache-2.0
//
// The format of a line of the log, without its time and its level.

#ifndef HERALD_PROTO_LOG_LOG_LINES_H_
#define HERALD_PROTO_LOG_LOG_LINES_H_

#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace herald::process {

// A text, or a whole number, which JSON shows as one. Ids are texts: readers of
// JSON in many languages round whole numbers from 2^53 on.
class LogValue {
 public:
  LogValue(std::string text) : text_(std::move(text)) {}
  LogValue(absl::string_view text) : text_(text) {}
  LogValue(const char* text) : text_(text) {}
  template <typename Number,
            std::enable_if_t<std::is_integral_v<Number>, int> = 0>
  LogValue(Number number) : text_(absl::StrCat(number)), is_number_(true) {}

  const std::string& text() const { return text_; }
  bool is_number() const { return is_number_; }

 private:
  std::string text_;
  bool is_number_ = false;
};

struct LogField {
  absl::string_view name;
  LogValue value;
};
using LogFields = absl::Span<const LogField>;

// `message name=value name="two words"`, without a line break.
std::string FormatText(absl::string_view message, LogFields fields);

// `"message":"…","name":"value","count":1`: the rest of a JSON object. Bytes
// that are not UTF-8 are escaped, so the result always is.
std::string FormatJson(absl::string_view message, LogFields fields);

}  // namespace herald::process

#endif  // HERALD_PROTO_LOG_LOG_LINES_H_
