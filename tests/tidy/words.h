// SPDX-License-Identifier: Apache-2.0
//
// Whole words in a text, where a word is an identifier of C++.

#ifndef HERALD_TESTS_TIDY_WORDS_H_
#define HERALD_TESTS_TIDY_WORDS_H_

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace herald::tidy {

inline bool IsWordByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

inline bool HasWord(absl::string_view text, absl::string_view word) {
  for (size_t at = text.find(word); at != text.npos;
       at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !IsWordByte(text[at - 1])) &&
        (end == text.size() || !IsWordByte(text[end]))) {
      return true;
    }
  }
  return false;
}

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_WORDS_H_
