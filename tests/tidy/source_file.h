// SPDX-License-Identifier: Apache-2.0
//
// A C++ file of the tree, as the tidy checks see it: its lines, and the same
// lines with comments and literals blanked out, so that no check mistakes a
// brace in a string or a number in a comment for code.

#ifndef HERALD_TESTS_TIDY_SOURCE_FILE_H_
#define HERALD_TESTS_TIDY_SOURCE_FILE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::tidy {

struct SourceFile {
  SourceFile(std::string path_from_root, absl::string_view text);

  bool IsHeader() const;

  // Whether the path begins with `folder`.
  bool IsIn(absl::string_view folder) const;

  std::string path;                // From the root, with slashes.
  std::vector<std::string> lines;  // Without line ends.
  std::vector<std::string> code;   // As long as `lines`, line by line.
};

// `text` with comments, strings and characters replaced by spaces; line ends
// stay.
std::string OnlyCode(absl::string_view text);

// `text` with everything but its `//` comments replaced by spaces, the slashes
// as well; line ends stay.
std::string OnlyComments(absl::string_view text);

// Calls `visit` with the path from the root and the text of each file below
// `root` that is ours and has one of `names` as its name or extension, in the
// order of paths.
void ForEachFile(const std::string& root, const std::vector<std::string>& names,
                 const std::function<void(const std::string& path,
                                          absl::string_view text)>& visit);

// All .h and .cc files below `root` that are ours, in the order of their paths.
std::vector<SourceFile> ReadTree(const std::string& root);

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_SOURCE_FILE_H_
