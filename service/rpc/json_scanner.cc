// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/json_scanner.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "service/rpc/rules_syntax.h"

namespace herald::rpc {
namespace {

// Deeper than anything that means something.
constexpr int kDepthMax = 100;

bool IsNumber(absl::string_view token) {
  std::string replaced;
  return contract::ReplaceNumbers(token, &replaced) && replaced == "0";
}

}  // namespace

char JsonScanner::Peek() {
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\n') ++line_;
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return c;
  }
  return '\0';
}

int JsonScanner::Line() {
  Peek();
  return line_;
}

absl::Status JsonScanner::Unexpected(absl::string_view expected) {
  if (Peek() == '\0' && at_ == text_.size()) {
    return WrongAt(path_, line_,
                   absl::StrCat("the text ends before ", expected));
  }
  const size_t end = text_.find_first_of(" \t\r\n", at_);
  return WrongAt(path_, line_,
                 absl::StrCat(contract::Quoted(text_.substr(at_, end - at_)),
                              " stands where ", expected, " belongs"));
}

absl::Status JsonScanner::Expect(char c) {
  if (Peek() != c) return Unexpected(absl::StrCat("a ", std::string(1, c)));
  ++at_;
  return absl::OkStatus();
}

absl::Status JsonScanner::Object(
    absl::FunctionRef<absl::Status(absl::string_view)> member) {
  absl::Status status = Expect('{');
  if (status.ok() && Peek() == '}') return Expect('}');
  while (status.ok()) {
    const absl::StatusOr<absl::string_view> key = String();
    status = key.status();
    if (status.ok()) status = Expect(':');
    if (status.ok()) status = member(*key);
    if (!status.ok() || Peek() == '}') break;
    if (Peek() != ',') return Unexpected("a , or a }");
    ++at_;
  }
  return status.ok() ? Expect('}') : status;
}

absl::Status JsonScanner::Array(absl::FunctionRef<absl::Status()> element) {
  absl::Status status = Expect('[');
  if (status.ok() && Peek() == ']') return Expect(']');
  while (status.ok()) {
    status = element();
    if (!status.ok() || Peek() == ']') break;
    if (Peek() != ',') return Unexpected("a , or a ]");
    ++at_;
  }
  return status.ok() ? Expect(']') : status;
}

absl::StatusOr<absl::string_view> JsonScanner::Value() {
  const char first = Peek();
  const size_t begin = at_;
  if (depth_ == kDepthMax) {
    return WrongAt(path_, line_, "values are nested too deeply");
  }
  ++depth_;
  absl::Status status;
  if (first == '{') {
    status = Object([this](absl::string_view) { return Value().status(); });
  } else if (first == '[') {
    status = Array([this] { return Value().status(); });
  } else if (first == '"') {
    status = String().status();
  } else {
    status = Scalar();
  }
  --depth_;
  if (!status.ok()) return status;
  return text_.substr(begin, at_ - begin);
}

absl::Status JsonScanner::End() {
  if (Peek() == '\0' && at_ == text_.size()) return absl::OkStatus();
  return Unexpected("the end");
}

absl::StatusOr<absl::string_view> JsonScanner::String() {
  if (Peek() != '"') return Unexpected("a string");
  const size_t begin = at_ + 1;
  for (size_t i = begin; i < text_.size(); ++i) {
    if (text_[i] == '"') {
      at_ = i + 1;
      return text_.substr(begin, i - begin);
    }
    if (static_cast<unsigned char>(text_[i]) < 0x20) break;
    if (text_[i] == '\\') ++i;
  }
  return WrongAt(path_, line_, "a string has no end on its line");
}

absl::Status JsonScanner::Scalar() {
  const size_t end =
      std::min(text_.find_first_of(" \t\r\n,:]}", at_), text_.size());
  const absl::string_view token = text_.substr(at_, end - at_);
  if (token != "true" && token != "false" && token != "null" &&
      !IsNumber(token)) {
    return Unexpected("a value");
  }
  at_ = end;
  return absl::OkStatus();
}

}  // namespace herald::rpc
