// SPDX-License-Identifier: Apache-2.0
//
// Flags and the `.env` file. Promise: a program that starts has only values
// that its declarations allow; `--check` prints a file that means the same when
// it is read; no text that is printed shows a secret.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/require.h"
#include "proto/settings/program.h"
#include "tests/fuzz/input.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using Kind = settings::Setting::Kind;
using settings::Setting;
using settings::Settings;

constexpr absl::string_view kSecret = "hYq7TzQ2";

// A file that has a path, and is in memory only.
class File {
 public:
  File() : file_(memfd_create("env", MFD_CLOEXEC)) { Require(file_ >= 0); }

  // Returns the flag that names it.
  std::string Write(absl::string_view text) {
    Require(ftruncate(file_, 0) == 0);
    Require(pwrite(file_, text.data(), text.size(), 0) ==
            static_cast<ssize_t>(text.size()));
    return absl::StrCat("--env-file=/proc/self/fd/", file_);
  }

 private:
  const int file_;
};

Settings Read(settings::Process process, std::vector<std::string> arguments,
              absl::string_view env) {
  static File file;
  arguments.push_back(file.Write(env));
  return Settings(process, arguments);
}

// Other files than ours would be read.
bool NamesAFile(absl::string_view argument) {
  return absl::StrContains(argument, "env-file") ||
         absl::StrContains(argument, "env_file");
}

void RequireAllowed(const Settings& settings, const Setting& setting) {
  const std::string text = settings.Text(setting.name);
  if (text.empty()) return;  // There is no default.
  Require(settings::CheckValue(setting, text).ok());
  if (setting.kind == Kind::kInteger) {
    Require(settings.Integer(setting.name) >= setting.min);
    Require(settings.Integer(setting.name) <= setting.max);
  } else if (setting.kind == Kind::kSeconds) {
    Require(settings.Seconds(setting.name) >= absl::Milliseconds(1));
    Require(settings.Seconds(setting.name) <= absl::Seconds(setting.max));
  } else if (setting.kind == Kind::kList || setting.kind == Kind::kTokens ||
             setting.kind == Kind::kTargets) {
    Require(!settings.List(setting.name).empty());
  }
}

void RequireSecrecy(const Settings& settings) {
  Require(!absl::StrContains(settings::CheckText(settings), kSecret));
  for (const std::string& error : settings.errors()) {
    Require(!absl::StrContains(error, kSecret));
  }
  for (const std::string& warning : settings.warnings()) {
    Require(!absl::StrContains(warning, kSecret));
  }
}

void RequireSameAgain(const Settings& settings, settings::Process process) {
  const Settings again = Read(process, {}, settings::CheckText(settings));
  Require(again.errors().empty());
  for (const Setting& setting : settings.all()) {
    if (setting.secret) continue;
    Require(again.Text(setting.name) == settings.Text(setting.name));
  }
}

void Test(Input input) {
  const auto process =
      input.Flag() ? settings::Process::kService : settings::Process::kGateway;
  std::vector<std::string> arguments = {absl::StrCat("--secret=", kSecret),
                                        absl::StrCat("--api-token=", kSecret)};
  for (int count = input.Below(4); count > 0; --count) {
    arguments.push_back(input.Text());
    if (NamesAFile(arguments.back())) return;
  }
  const absl::string_view env = input.Rest();
  if (absl::StartsWith(env, "\xFF\xFE") || absl::StartsWith(env, "\xFE\xFF")) {
    return;
  }
  const Settings settings = Read(process, std::move(arguments), env);
  for (const Setting& setting : settings.all()) {
    RequireAllowed(settings, setting);
  }
  RequireSecrecy(settings);
  RequireSameAgain(settings, process);
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  return clearenv();  // It may have settings.
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view all(reinterpret_cast<const char*>(data), size);
  // It would be shown rightly, as the value of another setting.
  if (absl::StrContains(all, herald::fuzz::kSecret)) return 0;
  herald::fuzz::Test({data, size});
  return 0;
}
