// SPDX-License-Identifier: Apache-2.0

#include "service/rules/rules_syntax.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "proto/contract/names.h"
#include "proto/json/json.h"
#include "proto/json/json_reader.h"
#include "service/rules/rules_value.h"

namespace herald::rules {
namespace {

using config::v1::ChannelRule;
using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

// By its JSON name or, as every reader of protobuf's JSON has to, by its own.
const FieldDescriptor* FieldOf(absl::string_view key) {
  const auto* const type = ChannelRule::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* const field = type->field(i);
    if (field->json_name() == key || field->name() == key) return field;
  }
  return nullptr;
}

// Reads one JSON file value by value, so that the line of each is known.
// REQUIRES: json::IsJson(text).
class JsonRules {
 public:
  JsonRules(absl::string_view path, absl::string_view text)
      : path_(path), text_(text) {}

  absl::StatusOr<ParsedRules> Read() {
    parsed_.json = true;
    const absl::string_view all = json::StripJsonSpace(text_);
    if (!json::IsJsonObject(all)) {
      return WrongAt(path_, LineOf(all), "the file is not an object");
    }
    absl::string_view channels;
    json::JsonReader members(all);
    while (members.Next()) {
      const std::string key = json::DecodeJsonString(members.key());
      const int line = LineOf(members.value());
      if (key != "channels") {
        return WrongAt(path_, line,
                       absl::StrCat("unknown field ", contract::Quoted(key),
                                    "; a file has \"channels\""));
      }
      if (!channels.empty()) {
        return WrongAt(path_, line, "channels is there twice");
      }
      channels = members.value();
    }
    const absl::Status status = ReadChannels(channels);
    if (!status.ok()) return status;
    return std::move(parsed_);
  }

 private:
  // The line of a part of the text. Counts from the previous part, so that a
  // long file is not counted from its beginning for each field.
  int LineOf(absl::string_view part) {
    if (part.data() < counted_) {
      counted_ = text_.data();
      line_ = 1;
    }
    line_ += static_cast<int>(std::count(counted_, part.data(), '\n'));
    counted_ = part.data();
    return line_;
  }

  absl::Status ReadChannels(absl::string_view channels) {
    if (channels.empty()) return absl::OkStatus();
    if (channels.front() != '[') {
      return WrongAt(path_, LineOf(channels),
                     "channels is not a list of rules");
    }
    json::JsonReader rules(channels);
    while (rules.Next()) {
      const absl::Status status = ReadRule(rules.value());
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadRule(absl::string_view text) {
    RuleLines& lines = parsed_.lines.emplace_back();
    lines.rule = LineOf(text);
    ChannelRule& rule = *parsed_.config.add_channels();
    if (!json::IsJsonObject(text)) {
      return WrongAt(path_, lines.rule, "a rule is not an object");
    }
    json::JsonReader fields(text);
    while (fields.Next()) {
      const absl::Status status = ReadField(
          json::DecodeJsonString(fields.key()), fields.value(), lines, &rule);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadField(absl::string_view key, absl::string_view value,
                         RuleLines& lines, ChannelRule* rule) {
    const int line = LineOf(value);
    const FieldDescriptor* const field = FieldOf(key);
    if (field == nullptr) {
      return WrongAt(path_, line,
                     absl::StrCat("unknown field ", contract::Quoted(key)));
    }
    if (!lines.fields.emplace(field->number(), line).second) {
      return WrongAt(path_, line,
                     absl::StrCat(field->json_name(), " is there twice"));
    }
    if (!SetFromJson(*field, value, rule)) {
      absl::string_view shown = value;
      if (shown.front() == '"') shown = shown.substr(1, shown.size() - 2);
      return WrongAt(
          path_, line,
          absl::StrCat(field->json_name(), " is ", contract::Quoted(shown),
                       "; allowed is ", AllowedFor(*field)));
    }
    return absl::OkStatus();
  }

  const absl::string_view path_;
  const absl::string_view text_;
  const char* counted_ = text_.data();
  int line_ = 1;  // Of `counted_`.
  ParsedRules parsed_;
};

// Keeps the first error.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(absl::string_view path) : path_(path) {}

  void AddError(int line, int /*column*/, const std::string& message) override {
    if (!status.ok()) return;
    // The message quotes the file, with its line ends.
    status = WrongAt(path_, line + 1, contract::OneLine(message));
  }

  absl::Status status;

 private:
  const absl::string_view path_;
};

RuleLines LinesOf(const ChannelRule& rule,
                  const TextFormat::ParseInfoTree& rules, int index) {
  const FieldDescriptor* const channels =
      config::v1::Config::descriptor()->FindFieldByNumber(
          config::v1::Config::kChannelsFieldNumber);
  RuleLines lines;
  lines.rule = rules.GetLocation(channels, index).line + 1;
  const TextFormat::ParseInfoTree* const tree =
      rules.GetTreeForNested(channels, index);
  std::vector<const FieldDescriptor*> fields;
  ChannelRule::GetReflection()->ListFields(rule, &fields);
  for (const FieldDescriptor* const field : fields) {
    const int line = tree->GetLocation(field, -1).line + 1;
    lines.fields[field->number()] = line;
    // In a list in brackets only the first rule has a place of its own.
    if (lines.rule == 0) lines.rule = line;
  }
  return lines;
}

}  // namespace

absl::Status WrongAt(absl::string_view path, int line,
                     absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ":", line, ": ", reason));
}

absl::StatusOr<ParsedRules> ParseRulesJson(absl::string_view path,
                                           absl::string_view text) {
  const auto fault = json::FindJsonFault(text);
  if (!fault.has_value()) return JsonRules(path, text).Read();
  const absl::string_view good = text.substr(0, fault->offset);
  const auto lines = std::count(good.begin(), good.end(), '\n');
  return WrongAt(path, 1 + static_cast<int>(lines),
                 json::Describe(*fault, text));
}

absl::StatusOr<ParsedRules> ParseRulesText(absl::string_view path,
                                           absl::string_view text) {
  ParsedRules parsed;
  FirstError error(path);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  if (!parser.ParseFromString(std::string(text), &parsed.config)) {
    if (error.status.ok()) return WrongAt(path, 1, "is not text format");
    return error.status;
  }
  for (int i = 0; i < parsed.config.channels_size(); ++i) {
    parsed.lines.push_back(LinesOf(parsed.config.channels(i), tree, i));
  }
  return parsed;
}

}  // namespace herald::rules
