// SPDX-License-Identifier: Apache-2.0

#include "service/rules/rules_value.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "proto/json/json_reader.h"

namespace herald::rules {
namespace {

using config::v1::ChannelRule;
using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;

constexpr size_t kNanosDigits = 9;

bool IsDigits(absl::string_view text) {
  return !text.empty() && absl::c_all_of(text, [](unsigned char c) {
    return absl::ascii_isdigit(c);
  });
}

// SimpleAtoi() alone would also accept spaces and a plus.
bool ParseInteger(absl::string_view text, int64_t* number) {
  return IsDigits(absl::StripPrefix(text, "-")) &&
         absl::SimpleAtoi(text, number);
}

bool ParseSeconds(absl::string_view text, Duration* out) {
  if (!absl::ConsumeSuffix(&text, "s")) return false;
  const int sign = absl::ConsumePrefix(&text, "-") ? -1 : 1;
  const size_t point = text.find('.');
  std::string nanos(point == absl::string_view::npos ? "0"
                                                     : text.substr(point + 1));
  if (!IsDigits(nanos) || nanos.size() > kNanosDigits) return false;
  nanos.append(kNanosDigits - nanos.size(), '0');
  int64_t seconds = 0;
  int32_t fraction = 0;
  if (!IsDigits(text.substr(0, point)) ||
      !absl::SimpleAtoi(text.substr(0, point), &seconds) ||
      !absl::SimpleAtoi(nanos, &fraction)) {
    return false;
  }
  out->set_seconds(sign * seconds);
  out->set_nanos(sign * fraction);
  return true;
}

// `text` is a string without its escapes, or a number as it is written.
bool SetFromText(const FieldDescriptor& field, const std::string& text,
                 ChannelRule* rule) {
  const auto& reflection = *ChannelRule::GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    int64_t number = 0;
    if (!ParseInteger(text, &number)) return false;
    reflection.SetInt64(rule, &field, number);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    const auto* const named = field.enum_type()->FindValueByName(text);
    if (named == nullptr || named->number() == 0) return false;
    reflection.SetEnum(rule, &field, named);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    Duration duration;
    if (!ParseSeconds(text, &duration)) return false;
    reflection.MutableMessage(rule, &field)->CopyFrom(duration);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    reflection.SetString(rule, &field, text);
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool SetFromJson(const FieldDescriptor& field, absl::string_view value,
                 ChannelRule* rule) {
  if (value == "null") return true;
  if (json::IsJsonString(value)) {
    return SetFromText(field, json::DecodeJsonString(value), rule);
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    return SetFromText(field, std::string(value), rule);
  }
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_BOOL) return false;
  if (value != "true" && value != "false") return false;
  ChannelRule::GetReflection()->SetBool(rule, &field, value == "true");
  return true;
}

absl::string_view AllowedFor(const FieldDescriptor& field) {
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

}  // namespace herald::rules
