// SPDX-License-Identifier: Apache-2.0

#include "proto/settings/env_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "proto/contract/condition.h"

namespace herald::settings {
namespace {

constexpr size_t kOddityBytesMax = 80;
constexpr size_t kOdditiesMax = 1000;

// For all bytes of a pipe.
constexpr absl::Duration kPipePatience = absl::Seconds(5);

absl::string_view Trimmed(absl::string_view text) {
  return absl::StripAsciiWhitespace(text);
}

// An unquoted value without the comment behind it.
absl::string_view WithoutComment(absl::string_view value) {
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '#' && i > 0 &&
        (value[i - 1] == ' ' || value[i - 1] == '\t')) {
      return Trimmed(value.substr(0, i));
    }
  }
  return Trimmed(value);
}

char Unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// The quoted value at the beginning of `text`, and its size with the rest of
// its last line; 0 if the quotes do not close, or if anything but a comment
// follows.
size_t Quoted(absl::string_view text, std::string* value) {
  const char quote = text.front();
  size_t i = 1;
  for (; i < text.size() && text[i] != quote; ++i) {
    if (quote == '"' && text[i] == '\\' && i + 1 < text.size() &&
        absl::StrContains("\"\\$nrt", text[i + 1])) {
      *value += Unescaped(text[++i]);
    } else {
      *value += text[i];
    }
  }
  if (i >= text.size()) return 0;
  const size_t end = std::min(text.find('\n', i), text.size());
  const absl::string_view rest = Trimmed(text.substr(i + 1, end - i - 1));
  return rest.empty() || rest.front() == '#' ? end : 0;
}

// Reads assignments one by one.
class AssignmentParser {
 public:
  AssignmentParser(absl::string_view path, absl::string_view text)
      : text_(text) {
    absl::ConsumePrefix(&text_, "\xEF\xBB\xBF");
    file_.path = std::string(path);
  }

  EnvFile Parse() {
    while (!text_.empty()) {
      ++line_;
      ParseLine();
    }
    return std::move(file_);
  }

 private:
  void ParseLine() {
    const size_t end = std::min(text_.find('\n'), text_.size());
    const absl::string_view whole = text_.substr(0, end);
    absl::string_view line = Trimmed(whole);
    if (line.empty() || line.front() == '#') return Skip(end);
    bool exported = false;
    for (const absl::string_view blank : {"export ", "export\t"}) {
      exported |= absl::ConsumePrefix(&line, blank);
    }
    const size_t equals = line.find('=');
    const absl::string_view name = Trimmed(line.substr(0, equals));
    if (equals == absl::string_view::npos || !IsName(name)) {
      // `export NAME` gives a shell's variable on; there is none here.
      if (!exported || equals != absl::string_view::npos) AddOddity(line);
      return Skip(end);
    }
    const absl::string_view value = Trimmed(line.substr(equals + 1));
    const bool quoted =
        !value.empty() && (value.front() == '"' || value.front() == '\'');
    if (quoted) return TakeQuoted(name, value.data() - text_.data(), end);
    // A value that begins with a `#` behind a space is a comment.
    const absl::string_view from_equals = line.substr(equals + 1);
    Add(name, WithoutComment(from_equals), false);
    Skip(end);
  }

  void TakeQuoted(absl::string_view name, size_t start, size_t line_end) {
    std::string value;
    const size_t size = Quoted(text_.substr(start), &value);
    // An apostrophe that nothing closes is no reason to miss other lines.
    Add(name, value, size == 0);
    const size_t end = size == 0 ? line_end : start + size;
    line_ += static_cast<int>(std::count(
        text_.begin(), text_.begin() + static_cast<ptrdiff_t>(end), '\n'));
    Skip(end);
  }

  static bool IsName(absl::string_view name) {
    return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
      return absl::ascii_isspace(static_cast<unsigned char>(c));
    });
  }

  void Add(absl::string_view name, absl::string_view value, bool broken) {
    file_.variables[std::string(name)] = {std::string(value), line_, broken};
  }

  void AddOddity(absl::string_view line) {
    if (file_.oddities.size() >= kOdditiesMax) return;
    file_.oddities.push_back(
        {std::string(line.substr(0, kOddityBytesMax)), line_});
  }

  void Skip(size_t end) {
    text_.remove_prefix(std::min(end + 1, text_.size()));
  }

  absl::string_view text_;  // Not read yet.
  EnvFile file_;
  int line_ = 0;
};

absl::Status Cannot(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot read ", path, ": ", why));
}

// Waits until the file can be read or has ended. False at the `end`.
bool WaitFor(int file, absl::Time end) {
  const int64_t left = absl::ToInt64Milliseconds(end - contract::SteadyNow());
  pollfd readable{file, POLLIN, 0};
  return left > 0 && ::poll(&readable, 1, static_cast<int>(left)) != 0;
}

// Reads up to the end of the file. A pipe that has no writer yet seems to be at
// its end.
absl::StatusOr<std::string> ReadAll(int file, bool is_pipe,
                                    const std::string& path) {
  const absl::Time end = contract::SteadyNow() + kPipePatience;
  std::string text;
  char piece[16384];
  for (bool waited = false;;) {
    const ssize_t size = ::read(file, piece, sizeof piece);
    if (size > 0) {
      text.append(piece, static_cast<size_t>(size));
      if (text.size() > kEnvFileBytesMax) {
        return Cannot(path, "it is too large");
      }
      continue;
    }
    if (size == 0 && (!is_pipe || waited || !text.empty())) return text;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
    }
    if (!WaitFor(file, end)) {
      return Cannot(path, "it is a pipe that was not written within 5 s");
    }
    waited = true;
  }
}

}  // namespace

EnvFile ParseEnvFile(absl::string_view path, absl::string_view text) {
  return AssignmentParser(path, text).Parse();
}

absl::StatusOr<EnvFile> ReadEnvFile(const std::string& path, bool named) {
  const int file =
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0) {
    if (errno == ENOENT && !named) return ParseEnvFile(path, "");
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  }
  struct stat facts {};
  const bool regular = ::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
  absl::StatusOr<std::string> text =
      regular || named || S_ISDIR(facts.st_mode)
          ? ReadAll(file, S_ISFIFO(facts.st_mode), path)
          : Cannot(path, "it is no regular file");
  ::close(file);
  if (!text.ok()) return text.status();
  if (absl::StartsWith(*text, "\xFF\xFE") ||
      absl::StartsWith(*text, "\xFE\xFF")) {
    return Cannot(path, "it is UTF-16; save it as UTF-8");
  }
  return ParseEnvFile(path, *text);
}

}  // namespace herald::settings
