// SPDX-License-Identifier: Apache-2.0
//
// The prose of the tree and the rates of its words: the comments of sources,
// scripts and build files and the names of tests by folder, and each Markdown
// page by itself. A translated sentence betrays itself by a few words
// (kWordRates), so their rates are bounded.

#ifndef HERALD_TESTS_TIDY_PROSE_H_
#define HERALD_TESTS_TIDY_PROSE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/tidy/budgets.h"
#include "tests/tidy/checks.h"

namespace herald::tidy {

// The prose of one file. `lines` is as long as the file, so that a line has
// its number; everything that is not prose is blank.
struct Prose {
  std::string room;  // The unit that is measured: a folder, or a page.
  std::string path;
  std::vector<std::string> lines;
};

// The comments of a file, without their code spans, and the words of the names
// of its tests: `TEST(A, IsB)` has `A Is B`. The ending of `path` names the
// language: C++ and .proto (only `//`), JavaScript and TypeScript, or one with
// `#` comments: Python, shell and CMake.
Prose CommentsOf(const std::string& path, absl::string_view text);

// A Markdown page without code blocks and code spans. Of a CHANGELOG.md, only
// the section of the unreleased version: released ones are history.
Prose PageOf(const std::string& path, absl::string_view text);

// All prose below `root` that is ours, in the order of paths.
std::vector<Prose> ReadProse(const std::string& root);

// The words of `line` in lower case. `isn't` is one word, and `user's` is
// `user`; identifiers are words.
std::vector<std::string> WordsOf(absl::string_view line);

// Each room uses the words of `rate` at most `per_thousand_max` times in 1,000
// words, so a room of 100 words not once. If a room is over its rate, every
// line with such a word is a finding.
Findings CheckWordRate(const std::vector<Prose>& files, const WordRate& rate);

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_PROSE_H_
