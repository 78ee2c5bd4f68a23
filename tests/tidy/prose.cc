// SPDX-License-Identifier: Apache-2.0

#include "tests/tidy/prose.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/tidy/script_prose.h"
#include "tests/tidy/source_file.h"
#include "tests/tidy/words.h"

namespace herald::tidy {
namespace {

// The words of one room, and the hits among them.
struct Count {
  int words = 0;
  Findings hits;
};

// Blanks each code span, `like this`, in `line`. An unpaired backtick is a
// character as any other.
std::string WithoutCodeSpans(std::string line) {
  for (size_t begin = line.find('`'); begin != line.npos;) {
    const size_t mark_end = line.find_first_not_of('`', begin);
    const std::string mark(line, begin, mark_end - begin);
    const size_t end =
        mark_end == line.npos ? line.npos : line.find(mark, mark_end);
    if (end == line.npos) break;
    std::fill(line.begin() + static_cast<std::ptrdiff_t>(begin),
              line.begin() + static_cast<std::ptrdiff_t>(end + mark.size()),
              ' ');
    begin = line.find('`', end);
  }
  return line;
}

std::vector<std::string> Lines(absl::string_view text) {
  return absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
}

bool IsFence(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  return absl::StartsWith(line, "```") || absl::StartsWith(line, "~~~");
}

// `line` with a space before each capital letter that begins a word.
std::string SplitAtCapitals(absl::string_view line) {
  std::string out;
  for (const char c : line) {
    const bool begins = absl::ascii_isupper(static_cast<unsigned char>(c));
    if (begins && !out.empty()) out += ' ';
    out += c;
  }
  return out;
}

// Appends the names of tests to the lines where they stand.
void AppendTestNames(const std::vector<std::string>& code,
                     std::vector<std::string>* lines) {
  bool in_name = false;
  for (size_t i = 0; i < code.size(); ++i) {
    absl::string_view line = code[i];
    if (absl::StartsWith(line, "TEST(") || absl::StartsWith(line, "TEST_")) {
      in_name = true;
      line.remove_prefix(std::min(line.find('('), line.size()));
    }
    if (!in_name) continue;
    const size_t end = line.find(')');
    absl::StrAppend(&(*lines)[i], " ", SplitAtCapitals(line.substr(0, end)));
    in_name = end == line.npos;
  }
}

std::string FolderOf(const std::string& path) {
  return path.substr(0, path.rfind('/') + 1);
}

// Apostrophes belong to a word, as in "don't".
bool IsProseByte(char c) { return IsWordByte(c) || c == '\''; }

// How often a room of `words` words may use the words of `rate`.
int HitsMax(int words, const WordRate& rate) {
  return words * rate.per_thousand_max / 1000;
}

bool HasEndingOf(absl::string_view path,
                 const std::vector<std::string>& endings) {
  return std::any_of(
      endings.begin(), endings.end(),
      [&](const std::string& one) { return absl::EndsWith(path, one); });
}

const std::vector<std::string> kCppEndings = {".h", ".cc", ".proto"};
const std::vector<std::string> kJavaScriptEndings = {".mjs", ".mts", ".ts"};
const std::vector<std::string> kHashEndings = {".py", ".sh", ".cmake",
                                               "CMakeLists.txt", "dev"};

}  // namespace

Prose CommentsOf(const std::string& path, absl::string_view text) {
  const bool is_cpp = HasEndingOf(path, kCppEndings);
  const bool is_javascript = HasEndingOf(path, kJavaScriptEndings);
  Prose prose{FolderOf(path), path,
              Lines(is_cpp          ? OnlyComments(text)
                    : is_javascript ? JavaScriptProse(text)
                                    : HashProse(text))};
  for (std::string& line : prose.lines) {
    line = WithoutCodeSpans(std::move(line));
  }
  if (is_cpp) AppendTestNames(Lines(text), &prose.lines);
  return prose;
}

Prose PageOf(const std::string& path, absl::string_view text) {
  Prose prose{path, path, Lines(text)};
  const bool is_changelog = absl::EndsWith(path, "CHANGELOG.md");
  bool in_fence = false;
  bool in_section = !is_changelog;
  for (std::string& line : prose.lines) {
    const bool fences = IsFence(line);
    if (fences) in_fence = !in_fence;
    if (is_changelog && !in_fence && absl::StartsWith(line, "## ")) {
      in_section = absl::StrContains(absl::AsciiStrToLower(line), "unreleased");
    }
    if (fences || in_fence || !in_section) line.clear();
    line = WithoutCodeSpans(std::move(line));
  }
  return prose;
}

std::vector<Prose> ReadProse(const std::string& root) {
  std::vector<Prose> all;
  for (const auto* endings :
       {&kCppEndings, &kJavaScriptEndings, &kHashEndings}) {
    ForEachFile(root, *endings,
                [&](const std::string& path, absl::string_view text) {
                  all.push_back(CommentsOf(path, text));
                });
  }
  ForEachFile(root, {".md"},
              [&](const std::string& path, absl::string_view text) {
                all.push_back(PageOf(path, text));
              });
  return all;
}

std::vector<std::string> WordsOf(absl::string_view line) {
  std::vector<std::string> words;
  for (size_t i = 0; i < line.size(); ++i) {
    if (!IsProseByte(line[i])) continue;
    const size_t begin = i;
    while (i < line.size() && IsProseByte(line[i])) ++i;
    const absl::string_view word = line.substr(begin, i - begin);
    if (!std::any_of(word.begin(), word.end(), absl::ascii_isalpha)) continue;
    words.push_back(absl::AsciiStrToLower(absl::StripSuffix(word, "'s")));
  }
  return words;
}

Findings CheckWordRate(const std::vector<Prose>& files, const WordRate& rate) {
  std::map<std::string, Count> rooms;
  for (const Prose& file : files) {
    Count& room = rooms[file.room];
    for (size_t i = 0; i < file.lines.size(); ++i) {
      const std::vector<std::string> words = WordsOf(file.lines[i]);
      room.words += static_cast<int>(words.size());
      for (const std::string& word : words) {
        if (std::find(rate.words.begin(), rate.words.end(), word) !=
            rate.words.end()) {
          room.hits.push_back(
              absl::StrCat(file.path, ":", i + 1, ": `", word, "`"));
        }
      }
    }
  }
  Findings findings;
  for (auto& [name, room] : rooms) {
    const int hits_max = HitsMax(room.words, rate);
    const int hits = static_cast<int>(room.hits.size());
    if (hits <= hits_max) continue;
    findings.push_back(absl::StrCat(
        name, ": the words of `", rate.words.front(), "` stand ", hits,
        " times in ", room.words, " words; at most ", hits_max));
    std::move(room.hits.begin(), room.hits.end(), std::back_inserter(findings));
  }
  return findings;
}

}  // namespace herald::tidy
