// SPDX-License-Identifier: Apache-2.0

#include "tests/tidy/script_prose.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "tests/tidy/words.h"

namespace herald::tidy {
namespace {

// A text and its prose, which begins as blanks and is copied part by part.
class ProseCopier {
 public:
  explicit ProseCopier(absl::string_view text) : text_(text), prose_(text) {
    for (char& c : prose_) {
      if (c != '\n') c = ' ';
    }
  }

  void Copy(size_t begin, size_t end) {
    text_.substr(begin, end - begin).copy(&prose_[begin], end - begin);
  }

  // The same without the words' joints, so that `is_b` is two words.
  void CopyName(size_t begin, size_t end) {
    Copy(begin, end);
    std::replace(prose_.begin() + static_cast<std::ptrdiff_t>(begin),
                 prose_.begin() + static_cast<std::ptrdiff_t>(end), '_', ' ');
  }

  std::string Take() { return std::move(prose_); }

 private:
  const absl::string_view text_;
  std::string prose_;
};

// The index behind the next `mark`, or the end of `text`.
size_t Behind(absl::string_view text, absl::string_view mark, size_t begin) {
  const size_t at = text.find(mark, begin);
  return at == text.npos ? text.size() : at + mark.size();
}

size_t LineEnd(absl::string_view text, size_t begin) {
  return std::min(text.find('\n', begin), text.size());
}

absl::string_view CodeBefore(absl::string_view text, size_t at) {
  return absl::StripTrailingAsciiWhitespace(text.substr(0, at));
}

// The index behind the `}` that closes a `${` before `begin`.
size_t BehindHole(absl::string_view text, size_t begin) {
  int depth = 1;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i + 1;
  }
  return text.size();
}

// The index behind the literal that begins at `begin` and ends with the same
// character. Only a template goes on in the next line. If `copier` is given, it
// copies the literal without its `${}` parts.
size_t BehindLiteral(absl::string_view text, size_t begin,
                     ProseCopier* copier = nullptr) {
  const char quote = text[begin];
  size_t i = begin + 1;
  while (i < text.size() && text[i] != quote) {
    if (text[i] == '\n' && quote != '`') return i;
    const bool is_hole = quote == '`' && absl::StartsWith(text.substr(i), "${");
    const bool is_escape = text[i] == '\\';
    const size_t next = is_hole     ? BehindHole(text, i + 2)
                        : is_escape ? i + 2
                                    : i + 1;
    if (copier != nullptr && !is_hole && !is_escape) copier->Copy(i, next);
    i = next;
  }
  return std::min(i + 1, text.size());
}

// Whether the slash at `at` begins a regular expression: none divides by it.
bool BeginsRegex(absl::string_view text, size_t at) {
  const absl::string_view code = CodeBefore(text, at);
  return code.empty() || absl::StrContains("(,=:[!&|?{};>", code.back()) ||
         absl::EndsWith(code, "return");
}

// The index behind the regular expression that begins at `begin`. A slash in
// brackets does not end it.
size_t BehindRegex(absl::string_view text, size_t begin) {
  bool in_brackets = false;
  for (size_t i = begin + 1; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '[')
      in_brackets = true;
    else if (text[i] == ']')
      in_brackets = false;
    else if (text[i] == '/' && !in_brackets)
      return i + 1;
  }
  return LineEnd(text, begin);
}

bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`'; }

// Whether an argument at `at` is the name of a test.
bool IsTestName(absl::string_view text, size_t at) {
  absl::string_view code = CodeBefore(text, at);
  return absl::ConsumeSuffix(&code, "test(") &&
         (code.empty() || !IsWordByte(code.back()));
}

// Whether `at` is the first of its line that is no blank.
bool BeginsLine(absl::string_view text, size_t at) {
  const size_t before = text.substr(0, at).find_last_not_of(" \t");
  return before == text.npos || text[before] == '\n';
}

// The mark of three quotes at `at`; empty if none is there.
absl::string_view TripleQuote(absl::string_view text, size_t at) {
  const absl::string_view mark = text.substr(at, 3);
  return mark == "\"\"\"" || mark == "'''" ? mark : "";
}

// Whether a word begins at `at`: `${#a}` and `$#` have no comment.
bool BeginsWord(absl::string_view text, size_t at) {
  return at == 0 ||
         absl::ascii_isspace(static_cast<unsigned char>(text[at - 1]));
}

}  // namespace

std::string JavaScriptProse(absl::string_view text) {
  ProseCopier copier(text);
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const absl::string_view rest = text.substr(i);
    if (absl::StartsWith(rest, "//")) {
      i = LineEnd(text, begin);
      copier.Copy(begin, i);
    } else if (absl::StartsWith(rest, "/*")) {
      i = Behind(text, "*/", begin + 2);
      copier.Copy(begin, i);
    } else if (IsQuote(text[i])) {
      i = BehindLiteral(text, begin,
                        IsTestName(text, begin) ? &copier : nullptr);
    } else if (text[i] == '/' && BeginsRegex(text, i)) {
      i = BehindRegex(text, begin);
    } else {
      ++i;
    }
  }
  return copier.Take();
}

std::string HashProse(absl::string_view text) {
  constexpr absl::string_view kTest = "def test_";
  ProseCopier copier(text);
  size_t i = absl::StartsWith(text, "#!") ? LineEnd(text, 0) : 0;
  while (i < text.size()) {
    const size_t begin = i;
    const absl::string_view mark = TripleQuote(text, begin);
    if (text[i] == '#' && BeginsWord(text, begin)) {
      i = LineEnd(text, begin);
      copier.Copy(begin, i);
    } else if (!mark.empty()) {
      i = Behind(text, mark, begin + mark.size());
      if (BeginsLine(text, begin)) copier.Copy(begin, i);
    } else if (text[i] == '"' || text[i] == '\'') {
      i = BehindLiteral(text, begin);
    } else if (text[i] == '\\') {
      i += 2;
    } else if (absl::StartsWith(text.substr(i), kTest)) {
      i = std::min(text.find('(', begin), LineEnd(text, begin));
      copier.CopyName(begin + kTest.size(), i);
    } else {
      ++i;
    }
  }
  return copier.Take();
}

}  // namespace herald::tidy
