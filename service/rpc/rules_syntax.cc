// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/rules_syntax.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "proto/contract/names.h"
#include "service/rpc/json_scanner.h"

namespace herald::rpc {
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

absl::string_view TypeOf(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return "a string";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return "SLOW_CONSUMER_DISCONNECT or SLOW_CONSUMER_DROP_TO_LATEST";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "a number of seconds like \"300s\"";
    default:
      return "a whole number";
  }
}

// Reads one JSON file. protobuf reads the values, one by one, so that it is
// known where each of them is.
class JsonReader {
 public:
  JsonReader(absl::string_view path, absl::string_view text)
      : path_(path), scanner_(path, text) {}

  absl::StatusOr<ParsedRules> Read() {
    parsed_.json = true;
    absl::Status status = scanner_.Object(
        [this](absl::string_view key) { return ReadChannels(key); });
    if (status.ok()) status = scanner_.End();
    if (!status.ok()) return status;
    return std::move(parsed_);
  }

 private:
  absl::Status ReadChannels(absl::string_view key) {
    const int line = scanner_.Line();
    if (key != "channels") {
      return WrongAt(path_, line,
                     absl::StrCat("unknown field ", contract::Quoted(key),
                                  "; a file has \"channels\""));
    }
    if (std::exchange(has_channels_, true)) {
      return WrongAt(path_, line, "channels is there twice");
    }
    const char begin = scanner_.Peek();
    if (begin != '[' && begin != '\0') {
      return WrongAt(path_, line, "channels is not a list of rules");
    }
    return scanner_.Array([this] { return ReadRule(); });
  }

  absl::Status ReadRule() {
    RuleLines& lines = parsed_.lines.emplace_back();
    lines.rule = scanner_.Line();
    ChannelRule& rule = *parsed_.config.add_channels();
    const char begin = scanner_.Peek();
    if (begin != '{' && begin != '\0') {
      return WrongAt(path_, lines.rule, "a rule is not an object");
    }
    return scanner_.Object(
        [&](absl::string_view key) { return ReadField(key, lines, &rule); });
  }

  absl::Status ReadField(absl::string_view key, RuleLines& lines,
                         ChannelRule* rule) {
    const int line = scanner_.Line();
    const FieldDescriptor* const field = FieldOf(key);
    if (field == nullptr) {
      return WrongAt(path_, line,
                     absl::StrCat("unknown field ", contract::Quoted(key)));
    }
    if (!lines.fields.emplace(field->number(), line).second) {
      return WrongAt(path_, line,
                     absl::StrCat(field->json_name(), " is there twice"));
    }
    const absl::StatusOr<absl::string_view> value = scanner_.Value();
    if (!value.ok()) return value.status();
    ChannelRule one;
    const std::string alone =
        absl::StrCat("{\"", field->json_name(), "\":", *value, "}");
    if (!google::protobuf::util::JsonStringToMessage(alone, &one).ok()) {
      absl::string_view shown = *value;
      if (shown.front() == '"') shown = shown.substr(1, shown.size() - 2);
      return WrongAt(
          path_, line,
          absl::StrCat(field->json_name(), " is ", contract::Quoted(shown),
                       "; allowed is ", TypeOf(*field)));
    }
    rule->MergeFrom(one);
    return absl::OkStatus();
  }

  const absl::string_view path_;
  JsonScanner scanner_;
  ParsedRules parsed_;
  bool has_channels_ = false;
};

// Keeps the first error.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(absl::string_view path) : path_(path) {}

  void AddError(int line, int /*column*/, const std::string& message) override {
    if (status.ok()) status = WrongAt(path_, line + 1, message);
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
  return JsonReader(path, text).Read();
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

}  // namespace herald::rpc
