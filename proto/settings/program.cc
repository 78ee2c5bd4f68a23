// SPDX-License-Identifier: Apache-2.0

#include "proto/settings/program.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace herald::settings {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kIndent = 32;

// How many characters a terminal shows.
size_t WidthOf(absl::string_view text) {
  size_t width = 0;
  for (const char c : text) width += (c & 0xC0) == 0x80 ? 0 : 1;
  return width;
}

// A flag, and its meaning in a second column.
std::string FlagLines(const std::string& flag, absl::string_view text) {
  std::string out = absl::StrCat("  ", flag);
  size_t width = WidthOf(out);
  if (width + 1 > kIndent) {
    out += '\n';
    width = 0;
  }
  bool first = true;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (!first && width + 1 + WidthOf(word) > kColumns) {
      out += '\n';
      width = 0;
      first = true;
    }
    out.append(first ? kIndent - width : 1, ' ');
    width = (first ? kIndent : width + 1) + WidthOf(word);
    absl::StrAppend(&out, word);
    first = false;
  }
  return out += '\n';
}

absl::string_view NameOf(Process process) {
  if (process == Process::kBoth) return "both";
  return process == Process::kService ? "service" : "gateway";
}

// A value as an `.env` file has it.
std::string EnvValue(absl::string_view value) {
  if (value.find_first_of(" \t\r\n#\"'\\$") == absl::string_view::npos) {
    return std::string(value);
  }
  return absl::StrCat("\"",
                      absl::StrReplaceAll(value, {{"\\", "\\\\"},
                                                  {"\"", "\\\""},
                                                  {"$", "\\$"},
                                                  {"\n", "\\n"},
                                                  {"\r", "\\r"},
                                                  {"\t", "\\t"}}),
                      "\"");
}

}  // namespace

std::string HelpText(const ProgramInfo& program, const Settings& settings) {
  std::string out = absl::StrCat(
      "Usage: ", program.name, " [--flag=value ...]\n\n", program.intro,
      "\n\nEvery flag is also an environment variable, BROADCAST_ and its name "
      "in capitals\n(BROADCAST_LOG_LEVEL), and may stand in an .env file. The "
      "flag wins, then the\nenvironment, then the file. An underscore may "
      "stand "
      "for each hyphen.\n");
  absl::string_view group;
  for (const Setting& setting : settings.all()) {
    if (setting.group != group)
      absl::StrAppend(&out, "\n", setting.group, ":\n");
    group = setting.group;
    const std::string text = absl::StrCat(
        absl::StrReplaceAll(setting.text, {{"`", ""}}), " [",
        setting.default_value.empty() ? "none" : setting.default_value, "]");
    absl::StrAppend(
        &out,
        FlagLines(absl::StrCat(FlagOf(setting), "=", setting.unit), text));
  }
  absl::StrAppend(
      &out, "\nOthers:\n",
      FlagLines("--env-file=FILE", "read instead of ./.env, and must exist"),
      FlagLines("--strict",
                "a variable that looks like a misspelt setting is "
                "an error"),
      FlagLines("--check",
                "prints each setting, its value and where it is "
                "from; starts nothing"),
      FlagLines("--version", "prints the version"),
      FlagLines("--help", "prints this"), "\n", program.outro,
      "\nExit codes: 0 drained and stopped, 1 it cannot start or was stopped "
      "before it was\ndrained, 2 a setting is wrong.\n");
  return out;
}

std::string CheckText(const Settings& settings) {
  std::string out;
  for (const Setting& setting : settings.all()) {
    const bool hidden = setting.secret && !settings.IsDefault(setting);
    absl::StrAppend(
        &out, hidden ? "# " : "", VariableOf(setting), "=",
        hidden ? settings.Shown(setting) : EnvValue(settings.Shown(setting)),
        " # ", settings.Of(setting).source, "\n");
  }
  return out;
}

std::string ReadmeTable(const std::vector<Setting>& declarations) {
  std::string out =
      "| variable | of | meaning | default |\n|---|---|---|---|\n";
  for (const Setting& setting : declarations) {
    absl::StrAppend(
        &out, "| `", VariableOf(setting), "` | ", NameOf(setting.of), " | ",
        setting.text, " | ",
        setting.default_value.empty() ? "none" : setting.default_value, " |\n");
  }
  return out;
}

int Print(absl::string_view program, absl::string_view text) {
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0;
  if (written) return 0;
  std::fprintf(stderr, "%s: cannot write the output: %s\n",
               std::string(program).c_str(), std::strerror(errno));
  return kExitFailed;
}

std::optional<int> AnswerQuestion(const ProgramInfo& program,
                                  const Settings& settings) {
  if (settings.help()) return Print(program.name, HelpText(program, settings));
  if (!settings.version()) return std::nullopt;
  return Print(program.name,
               absl::StrCat(program.name, " ", program.version, "\n"));
}

int AnswerCheck(const ProgramInfo& program, const Settings& settings,
                const std::vector<std::string>& warnings,
                const std::vector<std::string>& errors) {
  const auto complain = [](absl::string_view level,
                           const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      std::fprintf(stderr, "%s: %s\n", std::string(level).c_str(),
                   text.c_str());
    }
  };
  complain("warning", settings.warnings());
  complain("warning", warnings);
  complain("error", settings.errors());
  complain("error", errors);
  const int printed = Print(program.name, CheckText(settings));
  if (!settings.errors().empty() || !errors.empty()) return kExitSettings;
  return printed;
}

}  // namespace herald::settings
