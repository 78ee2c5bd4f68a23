// SPDX-License-Identifier: Apache-2.0

#include "tests/tidy/function_finder.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "tests/tidy/words.h"

namespace herald::tidy {
namespace {

bool IsAccessSpecifier(absl::string_view text) {
  return text == "public" || text == "protected" || text == "private";
}

// The place that the end of a statement has reached.
struct Place {
  int parentheses = 0;           // That are open.
  bool in_initializers = false;  // Of a constructor: behind `A()` and a colon.
};

Place EndOf(absl::string_view statement) {
  Place place;
  bool has_parameters = false;
  for (size_t i = 0; i < statement.size(); ++i) {
    if (statement[i] == '(') ++place.parentheses;
    if (statement[i] == ')' && --place.parentheses == 0) has_parameters = true;
    if (statement[i] != ':' || place.parentheses > 0) continue;
    if (i + 1 < statement.size() && statement[i + 1] == ':') {
      ++i;
    } else {
      place.in_initializers |= has_parameters;
    }
  }
  return place;
}

// Follows braces through a file. Braces of namespaces, classes and tables are
// not functions: any other brace opens a body.
class FunctionFinder {
 public:
  std::vector<FunctionSpan> Find(const std::vector<std::string>& code) {
    for (line_ = 0; line_ < code.size(); ++line_) {
      // A directive is not part of a statement.
      if (absl::StartsWith(code[line_], "#")) continue;
      for (const char c : code[line_]) Take(c);
      Append(' ');
    }
    return functions_;
  }

 private:
  void Take(char c) {
    if (depth_in_initializer_ > 0) {
      TakeInInitializer(c);
    } else if (depth_in_body_ > 0) {
      TakeInBody(c);
    } else if (c == '{' && OpensInitializer()) {
      depth_in_initializer_ = 1;
    } else if (c == '{' && OpensBody()) {
      depth_in_body_ = 1;
    } else if (c == '{' || c == '}' || c == ';' ||
               (c == ':' && IsAccessSpecifier(Before()))) {
      statement_.clear();
    } else {
      Append(c);
    }
  }

  void TakeInInitializer(char c) {
    if (c == '{') ++depth_in_initializer_;
    if (c == '}') --depth_in_initializer_;
    // As if it stood in parentheses, so that a body may follow.
    if (depth_in_initializer_ == 0) statement_ += "()";
  }

  void TakeInBody(char c) {
    if (c == '{') ++depth_in_body_;
    if (c == '}') --depth_in_body_;
    if (depth_in_body_ > 0) return;
    functions_.push_back({first_, line_});
    statement_.clear();
  }

  void Append(char c) {
    if (c == ' ' && statement_.empty()) return;
    if (statement_.empty()) first_ = line_;
    statement_ += c;
  }

  absl::string_view Before() const {
    return absl::StripAsciiWhitespace(statement_);
  }

  // A brace in parentheses, or `a_{1}` among the initializers of a constructor:
  // its body follows `)`, or the `()` that stands for such an initializer.
  bool OpensInitializer() const {
    const absl::string_view before = Before();
    if (before.empty()) return false;
    const Place place = EndOf(before);
    return place.parentheses > 0 ||
           (place.in_initializers &&
            (IsWordByte(before.back()) || before.back() == '>'));
  }

  bool OpensBody() const {
    const absl::string_view before = Before();
    if (before.empty() || absl::EndsWith(before, "=")) return false;
    if (absl::StrContains(before, '(')) return true;
    for (const char* word : {"namespace", "class", "struct", "union", "enum"}) {
      if (HasWord(before, word)) return false;
    }
    return true;
  }

  size_t line_ = 0;
  size_t first_ = 0;              // The line of the first byte of `statement_`.
  int depth_in_body_ = 0;         // 0 = outside of functions.
  int depth_in_initializer_ = 0;  // 0 = outside of such braces.
  std::string statement_;         // Since the last `;`, `{` or `}`.
  std::vector<FunctionSpan> functions_;
};

}  // namespace

std::vector<FunctionSpan> FindFunctions(const std::vector<std::string>& code) {
  return FunctionFinder().Find(code);
}

}  // namespace herald::tidy
