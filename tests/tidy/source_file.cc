// SPDX-License-Identifier: Apache-2.0

#include "tests/tidy/source_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace herald::tidy {
namespace {

namespace fs = std::filesystem;

// The end of the literal that begins at `begin`: after the first `quote` that
// no backslash escapes, or at the end of its line.
size_t EndOfQuoted(absl::string_view text, size_t begin, char quote) {
  for (size_t i = begin + 1; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    }
  }
  return std::min(text.find('\n', begin), text.size());
}

// The same for R"delimiter(...)delimiter", `begin` being at the quote.
size_t EndOfRaw(absl::string_view text, size_t begin) {
  const size_t open = text.find('(', begin);
  if (open == text.npos) return text.size();
  const std::string close =
      absl::StrCat(")", text.substr(begin + 1, open - begin - 1), "\"");
  const size_t end = text.find(close, open);
  return end == text.npos ? text.size() : end + close.size();
}

// The end of the comment or literal that begins at `at`; `at` itself if none
// begins there.
size_t EndOfNoCode(absl::string_view text, size_t at) {
  const absl::string_view rest = text.substr(at);
  const char before = at == 0 ? '\0' : text[at - 1];
  if (absl::StartsWith(rest, "//")) {
    return std::min(text.find('\n', at), text.size());
  }
  if (absl::StartsWith(rest, "/*")) {
    const size_t end = text.find("*/", at + 2);
    return end == text.npos ? text.size() : end + 2;
  }
  if (rest[0] == '"' && before == 'R') return EndOfRaw(text, at);
  if (rest[0] == '"') return EndOfQuoted(text, at, '"');
  const bool separates_digits =
      absl::ascii_isalnum(static_cast<unsigned char>(before));
  if (rest[0] == '\'' && !separates_digits) return EndOfQuoted(text, at, '\'');
  return at;
}

// Replaces [begin, end) of `text` by spaces, except for line ends.
void Blank(std::string& text, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
}

bool IsOurs(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  return !absl::StartsWith(name, ".") && name != "build" &&
         name != "node_modules";
}

}  // namespace

SourceFile::SourceFile(std::string path_from_root, absl::string_view text)
    : path(std::move(path_from_root)) {
  const std::string only_code = OnlyCode(text);
  lines = absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
  code = absl::StrSplit(absl::StripSuffix(only_code, "\n"), '\n');
}

bool SourceFile::IsHeader() const { return absl::EndsWith(path, ".h"); }

bool SourceFile::IsIn(absl::string_view folder) const {
  return absl::StartsWith(path, folder);
}

std::string OnlyCode(absl::string_view text) {
  std::string code(text);
  for (size_t i = 0; i < text.size();) {
    const size_t end = EndOfNoCode(text, i);
    if (end == i) {
      ++i;
      continue;
    }
    Blank(code, i, end);
    i = end;
  }
  return code;
}

std::string OnlyComments(absl::string_view text) {
  std::string comments(text);
  for (size_t i = 0; i < text.size();) {
    const size_t end = EndOfNoCode(text, i);
    if (absl::StartsWith(text.substr(i), "//")) {
      Blank(comments, i, std::min(text.find_first_not_of('/', i), end));
      i = end;
    } else {
      const size_t next = std::max(end, i + 1);
      Blank(comments, i, next);
      i = next;
    }
  }
  return comments;
}

void ForEachFile(const std::string& root, const std::vector<std::string>& names,
                 const std::function<void(const std::string& path,
                                          absl::string_view text)>& visit) {
  std::vector<fs::path> paths;
  for (auto it = fs::recursive_directory_iterator(root);
       it != fs::recursive_directory_iterator(); ++it) {
    if (it->is_directory() && !IsOurs(*it)) it.disable_recursion_pending();
    if (!it->is_regular_file()) continue;
    const auto is_it = [&](const std::string& name) {
      return it->path().filename() == name || it->path().extension() == name;
    };
    if (std::any_of(names.begin(), names.end(), is_it)) {
      paths.push_back(it->path());
    }
  }
  std::sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) {
    return a.generic_string() < b.generic_string();
  });
  for (const fs::path& path : paths) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    visit(fs::relative(path, root).generic_string(), text.str());
  }
}

std::vector<SourceFile> ReadTree(const std::string& root) {
  std::vector<SourceFile> files;
  ForEachFile(root, {".h", ".cc"},
              [&](const std::string& path, absl::string_view text) {
                files.emplace_back(path, text);
              });
  return files;
}

}  // namespace herald::tidy
