// SPDX-License-Identifier: Apache-2.0
//
// Reads an `.env` file, which may be that of an application: only some of its
// lines are ours, and the others follow the habits of other programs.
//
//   # a comment            export NAME=value        NAME = "value" # a comment
//
// A value ends with its line or before a space and `#`; one in quotes may have
// both, and further lines. In double quotes `\"`, `\\`, `\$`, `\n`, `\r` and
// `\t` are escapes. Variables in values are not expanded. A mark of byte order
// and CRLF are understood.

#ifndef HERALD_PROTO_SETTINGS_ENV_FILE_H_
#define HERALD_PROTO_SETTINGS_ENV_FILE_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace herald::settings {

struct EnvFile {
  struct Variable {
    std::string value;
    int line = 0;
    // The value is in quotes, and something but a comment follows, or the
    // quotes are not closed.
    bool broken = false;
  };
  // A line that is no assignment, in part.
  struct Oddity {
    std::string text;
    int line = 0;
  };

  std::string path;
  absl::flat_hash_map<std::string, Variable> variables;  // The last one wins.
  std::vector<Oddity> oddities;
};

inline constexpr size_t kEnvFileBytesMax = 16 << 20;

// Reads the text of a file.
EnvFile ParseEnvFile(absl::string_view path, absl::string_view text);

// Reads a file of at most kEnvFileBytesMax bytes. If it was `named`, it may be
// a pipe, which has 5 s to be written and closed; otherwise only a regular file
// counts, and a file that is not there is an empty one.
// An error has the path in its message: NOT_FOUND, PERMISSION_DENIED, or why
// else it cannot be read.
absl::StatusOr<EnvFile> ReadEnvFile(const std::string& path, bool named);

}  // namespace herald::settings

#endif  // HERALD_PROTO_SETTINGS_ENV_FILE_H_
