// SPDX-License-Identifier: Apache-2.0
//
// The prose of the tree's other languages: comments, Python's docstrings and
// the names of tests. As with OnlyComments(), everything else is blank and line
// ends stay.

#ifndef HERALD_TESTS_TIDY_SCRIPT_PROSE_H_
#define HERALD_TESTS_TIDY_SCRIPT_PROSE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace herald::tidy {

// JavaScript or TypeScript: `//` and `/* */` comments, and the first literal of
// each `test(` without its `${}` parts.
std::string JavaScriptProse(absl::string_view text);

// Python, a shell script or CMake: `#` comments, docstrings, and the words of
// each `def test_is_b`. The first line of a script, `#!`, is no comment.
std::string HashProse(absl::string_view text);

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_SCRIPT_PROSE_H_
