// SPDX-License-Identifier: Apache-2.0
//
// One frame that a client has received: its text, and the fields of the text.
// Most tests compare the text, for the protocol promises every byte of it; the
// accessors are for fields that differ from run to run.

#ifndef HERALD_TESTS_SUPPORT_FRAME_H_
#define HERALD_TESTS_SUPPORT_FRAME_H_

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::testing_support {

// The answer to a ping.
inline constexpr char kPongText[] = R"({"type":"pong"})";

class Frame {
 public:
  Frame() = default;
  explicit Frame(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }

  // A string of the object by its key; empty if there is none.
  std::string String(absl::string_view key) const;

  // Whether the object has the key.
  bool Has(absl::string_view key) const;

  std::string type() const { return String("type"); }

  // The `user_id` and `user_info` (as minified JSON) of `members`, in the order
  // of the ids.
  std::vector<std::pair<std::string, std::string>> Members() const;

  friend bool operator==(const Frame& frame, const std::string& text) {
    return frame.text_ == text;
  }
  friend std::ostream& operator<<(std::ostream& out, const Frame& frame) {
    return out << (frame.text_.empty() ? "(no frame)" : frame.text_);
  }

 private:
  std::string text_;
};

// `text` in quotes, escaped as JSON wants it.
std::string JsonString(absl::string_view text);

// Whether `text` is one JSON value.
bool IsJson(absl::string_view text);

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_FRAME_H_
