// SPDX-License-Identifier: Apache-2.0

#include "service/rules/rules_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "proto/contract/channel_rules.h"
#include "proto/contract/names.h"
#include "service/history/history.h"
#include "service/rules/rules_syntax.h"

namespace herald::rules {
namespace {

using config::v1::ChannelRule;

constexpr int64_t kSubscribersMax = std::numeric_limits<int32_t>::max();
constexpr int32_t kNanosMax = 999'999'999;

// Opens a file that can be read without blocking. A pipe or a device may block
// for ever, and signals would have to wait.
absl::StatusOr<std::FILE*> OpenFile(const std::string& path) {
  const int fd =
      open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat about {};
  if (fd < 0 || fstat(fd, &about) != 0) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return absl::ErrnoToStatus(error, absl::StrCat("cannot read ", path));
  }
  if (!S_ISREG(about.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": it is not a regular file"));
  }
  return fdopen(fd, "r");
}

// Up to one byte more than is allowed.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const absl::StatusOr<std::FILE*> opened = OpenFile(path);
  if (!opened.ok()) return opened.status();
  std::FILE* const file = *opened;
  std::string text(static_cast<size_t>(kRulesFileBytesMax + 1), '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  const int error = std::ferror(file) != 0 ? errno : 0;
  std::fclose(file);
  if (error == 0) return text;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot read ", path));
}

int LineOfFirstBadByte(absl::string_view text) {
  int line = 1;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    if (!contract::IsUtf8(text.substr(0, end + 1))) break;
    text.remove_prefix(end + 1);
    ++line;
  }
  return line;
}

bool IsJson(absl::string_view path, absl::string_view text) {
  if (absl::EndsWithIgnoreCase(path, ".json")) return true;
  for (const char* const ending : {".textproto", ".txtpb", ".pbtxt"}) {
    if (absl::EndsWithIgnoreCase(path, ending)) return false;
  }
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "{");
}

absl::Duration DurationOf(const google::protobuf::Duration& in) {
  return absl::Seconds(in.seconds()) + absl::Nanoseconds(in.nanos());
}

// Checks the rules one by one, in the order of the file.
class Checker {
 public:
  Checker(absl::string_view path, const ParsedRules& parsed,
          const RulesBounds& bounds, std::vector<std::string>* warnings)
      : path_(path), parsed_(parsed), bounds_(bounds), warnings_(warnings) {}

  absl::Status Check() {
    for (int i = 0; i < parsed_.config.channels_size(); ++i) {
      lines_ = &parsed_.lines[static_cast<size_t>(i)];
      if (i == contract::kChannelRulesMax) {
        return WrongAt(
            path_, lines_->rule,
            absl::StrCat("more than ", contract::kChannelRulesMax, " rules"));
      }
      const ChannelRule& rule = parsed_.config.channels(i);
      absl::Status status = CheckPattern(rule);
      if (status.ok()) status = CheckNumbers(rule);
      if (status.ok()) status = CheckTimes(rule);
      if (status.ok()) status = CheckMemory(rule);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CheckPattern(const ChannelRule& rule) {
    const int line = lines_->Of(ChannelRule::kPatternFieldNumber);
    const absl::Status status = contract::CheckChannelPattern(rule.pattern());
    if (!status.ok()) return WrongAt(path_, line, status.message());
    const auto [first, is_new] = seen_.emplace(rule.pattern(), line);
    if (is_new) return absl::OkStatus();
    return WrongAt(path_, line,
                   absl::StrCat("pattern ", contract::Quoted(rule.pattern()),
                                " is there already, on line ", first->second));
  }

  absl::Status CheckNumbers(const ChannelRule& rule) {
    absl::Status status;
    if (rule.has_history_size()) {
      status.Update(CheckRange(ChannelRule::kHistorySizeFieldNumber,
                               rule.history_size(), 0,
                               contract::kHistorySizeMax));
    }
    if (rule.has_max_subscribers()) {
      status.Update(CheckRange(ChannelRule::kMaxSubscribersFieldNumber,
                               rule.max_subscribers(), 0, kSubscribersMax));
    }
    if (rule.has_max_payload()) {
      status.Update(CheckRange(ChannelRule::kMaxPayloadFieldNumber,
                               rule.max_payload(), 1, bounds_.payload_bytes_max,
                               " (BROADCAST_MAX_PAYLOAD)"));
    }
    if (rule.has_slow_consumer()) {
      using config::v1::SlowConsumer;
      if (!config::v1::SlowConsumer_IsValid(rule.slow_consumer()) ||
          rule.slow_consumer() == config::v1::SLOW_CONSUMER_UNSPECIFIED) {
        status.Update(
            Wrong(ChannelRule::kSlowConsumerFieldNumber,
                  absl::StrCat(static_cast<int>(rule.slow_consumer())),
                  "SLOW_CONSUMER_DISCONNECT or SLOW_CONSUMER_DROP_TO_LATEST"));
      }
    }
    return status;
  }

  absl::Status CheckTimes(const ChannelRule& rule) {
    absl::Status status;
    if (rule.has_history_ttl()) {
      status.Update(CheckTime(ChannelRule::kHistoryTtlFieldNumber,
                              rule.history_ttl(), contract::kHistoryTtlMin,
                              contract::kHistoryTtlMax));
    }
    if (rule.has_member_grace()) {
      status.Update(CheckTime(ChannelRule::kMemberGraceFieldNumber,
                              rule.member_grace(), absl::ZeroDuration(),
                              contract::kMemberGraceMax));
    }
    return status;
  }

  // One full channel must fit into the memory of all. It is an error if it does
  // not fit even with events of one byte, and a warning if with the largest.
  absl::Status CheckMemory(const ChannelRule& rule) {
    const int64_t size = rule.history_size();
    const int64_t allowed = bounds_.history_memory_bytes;
    const int64_t largest =
        rule.has_max_payload() ? rule.max_payload() : bounds_.payload_bytes_max;
    if (size == 0 || core::HistoryBytes(size, largest) <= allowed) {
      return absl::OkStatus();
    }
    const bool fits = core::HistoryBytes(size, 1) <= allowed;
    const int64_t each = fits ? largest : 1;
    const absl::Status status = WrongAt(
        path_, lines_->Of(ChannelRule::kHistorySizeFieldNumber),
        absl::StrCat(NameOf(ChannelRule::kHistorySizeFieldNumber),
                     " of pattern ", contract::Quoted(rule.pattern()), " is ",
                     size, "; with events of ", each,
                     each > 1 ? " bytes" : " byte", " a channel takes ",
                     core::HistoryBytes(size, each), " bytes; ",
                     fits ? "there are " : "allowed are ", allowed,
                     " (BROADCAST_HISTORY_MEMORY)",
                     fits ? ", so it may forget its oldest events early" : ""));
    if (!fits) return status;
    warnings_->emplace_back(status.message());
    return absl::OkStatus();
  }

  absl::Status CheckRange(int field, int64_t value, int64_t min, int64_t max,
                          absl::string_view why = "") {
    if (value >= min && value <= max) return absl::OkStatus();
    return Wrong(field, absl::StrCat(value),
                 absl::StrCat(min, " to ", max, why));
  }

  absl::Status CheckTime(int field, const google::protobuf::Duration& value,
                         absl::Duration min, absl::Duration max) {
    const absl::Duration time = DurationOf(value);
    if (time < min || time > max) {
      return Wrong(field, absl::FormatDuration(time),
                   absl::StrCat(absl::FormatDuration(min), " to ",
                                absl::FormatDuration(max)));
    }
    // Text format accepts others, which duration.proto has no meaning for.
    if (value.nanos() >= 0 && value.nanos() <= kNanosMax) {
      return absl::OkStatus();
    }
    return WrongAt(path_, lines_->Of(field),
                   absl::StrCat(NameOf(field), " has ", value.nanos(),
                                " nanos; allowed is 0 to ", kNanosMax));
  }

  absl::Status Wrong(int field, absl::string_view value,
                     absl::string_view allowed) {
    return WrongAt(
        path_, lines_->Of(field),
        absl::StrCat(NameOf(field), " is ", value, "; allowed is ", allowed));
  }

  std::string NameOf(int number) const {
    const auto* const field =
        ChannelRule::descriptor()->FindFieldByNumber(number);
    return parsed_.json ? field->json_name() : field->name();
  }

  const absl::string_view path_;
  const ParsedRules& parsed_;
  const RulesBounds& bounds_;
  std::vector<std::string>* const warnings_;
  const RuleLines* lines_ = nullptr;  // Of the rule that is being checked.
  absl::flat_hash_map<absl::string_view, int> seen_;  // Patterns with lines.
};

}  // namespace

absl::StatusOr<config::v1::Config> ReadRulesFile(
    const std::string& path, const RulesBounds& bounds,
    std::vector<std::string>* warnings) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ParseRules(path, *text, bounds, warnings);
}

absl::StatusOr<config::v1::Config> ParseRules(
    absl::string_view path, absl::string_view text, const RulesBounds& bounds,
    std::vector<std::string>* warnings) {
  if (static_cast<int64_t>(text.size()) > kRulesFileBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": the file has more than ", kRulesFileBytesMax, " bytes"));
  }
  if (!contract::IsUtf8(text)) {
    return WrongAt(path, LineOfFirstBadByte(text), "the line is not UTF-8");
  }
  absl::StatusOr<ParsedRules> parsed = IsJson(path, text)
                                           ? ParseRulesJson(path, text)
                                           : ParseRulesText(path, text);
  if (!parsed.ok()) return parsed.status();
  std::vector<std::string> unread;
  const absl::Status status =
      Checker(path, *parsed, bounds, warnings == nullptr ? &unread : warnings)
          .Check();
  if (!status.ok()) return status;
  return std::move(parsed->config);
}

}  // namespace herald::rules
