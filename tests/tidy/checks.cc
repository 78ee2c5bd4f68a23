// SPDX-License-Identifier: Apache-2.0

#include "tests/tidy/checks.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/tidy/function_finder.h"
#include "tests/tidy/words.h"

namespace herald::tidy {
namespace {

std::string At(const SourceFile& file, size_t line, absl::string_view finding) {
  return absl::StrCat(file.path, ":", line + 1, ": ", finding);
}

bool IsAny(absl::string_view path, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(),
                     [&](const std::string& folder) {
                       return absl::StartsWith(path, folder);
                     });
}

struct Include {
  std::string path;
  bool in_brackets = false;
};

std::optional<Include> ParseInclude(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "#include ")) return std::nullopt;
  line = absl::StripAsciiWhitespace(line);
  const bool in_brackets = absl::StartsWith(line, "<");
  const size_t end = line.find_first_of(">\"", 1);
  if (end == line.npos) return std::nullopt;
  return Include{std::string(line.substr(1, end - 1)), in_brackets};
}

bool Matches(const Include& include, absl::string_view pattern) {
  const absl::string_view path = include.path;
  const bool has_folder = absl::StrContains(path, '/');
  if (pattern == kStandard) {
    return include.in_brackets && !absl::StrContains(path, '.') && !has_folder;
  }
  if (pattern == kSystem) {
    return include.in_brackets &&
           (IsAny(path, {"arpa/", "net/", "netinet/", "sys/"}) ||
            (absl::EndsWith(path, ".h") && !has_folder));
  }
  if (absl::ConsumePrefix(&pattern, "*")) return absl::EndsWith(path, pattern);
  // A whole word, so that "mutex" forbids <mutex> and nothing else.
  if (!absl::StrContains(pattern, '/') && !absl::StrContains(pattern, '.')) {
    return path == pattern;
  }
  return absl::StartsWith(path, pattern);
}

bool MatchesAny(const Include& include,
                const std::vector<std::string>& patterns) {
  return std::any_of(
      patterns.begin(), patterns.end(),
      [&](const std::string& pattern) { return Matches(include, pattern); });
}

const Room* RoomOf(const SourceFile& file) {
  for (const Room& room : kRooms) {
    if (file.IsIn(room.files)) return &room;
  }
  return nullptr;
}

bool IsComment(const std::string& line) {
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "//");
}

// Bytes that begin a character, in UTF-8.
int Columns(absl::string_view line) {
  return static_cast<int>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string GuardOf(absl::string_view path) {
  absl::ConsumePrefix(&path, "clients/cpp/include/herald/");
  std::string guard = absl::StrCat("HERALD_", path, "_");
  for (char& c : guard) {
    c = IsWordByte(c) ? absl::ascii_toupper(static_cast<unsigned char>(c))
                      : '_';
  }
  return guard;
}

// With the slash at its end.
absl::string_view FolderOf(const SourceFile& file) {
  return absl::string_view(file.path).substr(0, file.path.rfind('/') + 1);
}

}  // namespace

Findings CheckIncludes(const SourceFile& file) {
  const Room* const room = RoomOf(file);
  if (room == nullptr) return {At(file, 0, "is in no room of rooms.h")};
  Findings findings;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::optional<Include> include = ParseInclude(file.lines[i]);
    if (!include.has_value()) continue;
    if (!MatchesAny(*include, room->may) || MatchesAny(*include, room->never)) {
      findings.push_back(
          At(file, i,
             absl::StrCat(room->files, " may not include ", include->path)));
    }
  }
  return findings;
}

Findings CheckTop(const SourceFile& file) {
  if (file.lines[0] != "// SPDX-License-Identifier: Apache-2.0") {
    return {At(file, 0, "the first line must be the SPDX line")};
  }
  const bool has_prose = file.lines.size() > 2 && file.lines[1] == "//" &&
                         absl::StartsWith(file.lines[2], "// ");
  if (file.IsHeader() && !has_prose) {
    return {At(file, 1, "a header begins with prose")};
  }
  return {};
}

Findings CheckGuard(const SourceFile& file) {
  if (!file.IsHeader()) return {};
  const std::string guard = GuardOf(file.path);
  Findings findings;
  for (const std::string& line :
       {absl::StrCat("#ifndef ", guard), absl::StrCat("#define ", guard),
        absl::StrCat("#endif  // ", guard)}) {
    if (std::find(file.lines.begin(), file.lines.end(), line) ==
        file.lines.end()) {
      findings.push_back(At(file, 0, absl::StrCat("misses `", line, "`")));
    }
  }
  return findings;
}

Findings CheckColumns(const SourceFile& file) {
  Findings findings;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    const bool cannot_break = absl::StartsWith(line, "#include") ||
                              absl::StartsWith(line, "#ifndef") ||
                              absl::StartsWith(line, "#define HERALD_") ||
                              absl::StartsWith(line, "#endif") ||
                              absl::StrContains(line, "://");
    if (!cannot_break && Columns(line) > kColumnsMax) {
      findings.push_back(
          At(file, i, absl::StrCat("has ", Columns(line), " columns")));
    }
  }
  return findings;
}

Findings CheckLength(const SourceFile& file) {
  Findings findings;
  const int lines_max = file.IsHeader() ? kHeaderLinesMax : kSourceLinesMax;
  if (static_cast<int>(file.lines.size()) > lines_max) {
    findings.push_back(At(file, file.lines.size() - 1,
                          absl::StrCat("is longer than ", lines_max)));
  }
  for (const FunctionSpan& function : FindFunctions(file.code)) {
    const size_t length = function.last - function.first + 1;
    if (length > kFunctionLinesMax) {
      findings.push_back(
          At(file, function.first,
             absl::StrCat("a function of ", length, " lines; at most ",
                          kFunctionLinesMax)));
    }
  }
  return findings;
}

Findings CheckTodos(const SourceFile& file) {
  // In two pieces, for this file is checked too.
  const std::string mark = absl::StrCat("TO", "DO");
  Findings findings;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const absl::string_view line = file.lines[i];
    if (!HasWord(line, mark)) continue;
    const absl::string_view rest = line.substr(line.find(mark) + mark.size());
    bool has_kind = false;
    for (const char* kind :
         {"now", "soon", "someday", "perf", "security", "cleanup", "test"}) {
      has_kind |= absl::StartsWith(rest, absl::StrCat("(", kind, "): "));
    }
    if (!has_kind) {
      findings.push_back(At(file, i, "work to do without its kind"));
    } else if (absl::StartsWith(rest, "(now)")) {
      findings.push_back(At(file, i, "work that is due now"));
    }
  }
  return findings;
}

Findings CheckCloseCodes(const SourceFile& file) {
  if (!IsAny(file.path, kWithoutCloseCodes)) return {};
  Findings findings;
  for (size_t i = 0; i < file.code.size(); ++i) {
    for (const std::string& code : kCloseCodes) {
      if (HasWord(file.code[i], code)) {
        findings.push_back(
            At(file, i, absl::StrCat("close code ", code, " in a core")));
      }
    }
  }
  return findings;
}

Findings CheckTimeOfDay(const SourceFile& file) {
  if (IsAny(file.path, kMayKnowTimeOfDay)) return {};
  Findings findings;
  for (size_t i = 0; i < file.code.size(); ++i) {
    for (const std::string& name : kTimeOfDay) {
      if (HasWord(file.code[i], name)) {
        findings.push_back(At(file, i,
                              absl::StrCat(name,
                                           ": measure time with "
                                           "a monotonic clock")));
      }
    }
  }
  return findings;
}

Findings CheckFile(const SourceFile& file) {
  Findings all;
  for (const auto check :
       {CheckIncludes, CheckTop, CheckGuard, CheckColumns, CheckLength,
        CheckTodos, CheckCloseCodes, CheckTimeOfDay}) {
    for (std::string& finding : check(file)) all.push_back(std::move(finding));
  }
  return all;
}

Findings CheckMirrors(const std::vector<SourceFile>& files) {
  Findings findings;
  for (const SourceFile& file : files) {
    if (file.IsHeader() || !IsAny(file.path, kMirrored)) continue;
    const std::string stem =
        absl::StrCat("tests/", absl::StripSuffix(file.path, ".cc"), "_");
    // foo_test.cc, or several as foo_joining_test.cc.
    const bool has_test =
        std::any_of(files.begin(), files.end(), [&](const SourceFile& other) {
          return other.IsIn(stem) && absl::EndsWith(other.path, "_test.cc");
        });
    if (!has_test) {
      findings.push_back(
          At(file, 0, absl::StrCat("has no test ", stem, "test.cc")));
    }
  }
  return findings;
}

Findings CheckHasBudget(const SourceFile& file,
                        const std::vector<Budget>& budgets) {
  if (file.IsIn("tests/")) return {};
  const absl::string_view folder = FolderOf(file);
  if (std::any_of(budgets.begin(), budgets.end(), [&](const Budget& budget) {
        return budget.folder == folder;
      })) {
    return {};
  }
  return {At(file, 0, "its room has no budget")};
}

Findings CheckBudget(const std::vector<SourceFile>& files,
                     const Budget& budget) {
  int headers = 0;
  int lines = 0;
  int64_t written = 0;  // Lines of headers that are not blank.
  int64_t comments = 0;
  for (const SourceFile& file : files) {
    if (FolderOf(file) != budget.folder) continue;
    lines += static_cast<int>(file.lines.size());
    if (!file.IsHeader()) continue;
    ++headers;
    comments += std::count_if(file.lines.begin(), file.lines.end(), IsComment);
    written += std::count_if(file.lines.begin(), file.lines.end(),
                             [](const auto& line) { return !line.empty(); });
  }
  Findings findings;
  if (budget.headers_max > 0 && headers > budget.headers_max) {
    findings.push_back(absl::StrCat(budget.folder, ": ", headers,
                                    " headers; at most ", budget.headers_max));
  }
  if (lines > budget.lines_max) {
    findings.push_back(absl::StrCat(budget.folder, ": ", lines,
                                    " lines; at most ", budget.lines_max));
  }
  if (comments * 100 < written * budget.header_comment_percent_min) {
    findings.push_back(absl::StrCat(budget.folder, ": ",
                                    comments * 100 / written,
                                    " % of the headers are comment; at least ",
                                    budget.header_comment_percent_min));
  }
  return findings;
}

}  // namespace herald::tidy
