// SPDX-License-Identifier: Apache-2.0

#include "proto/json/json.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/contract/utf8.h"

namespace herald::json {
namespace {

// Which containers are open, from the outside in: one bit each.
class Nesting {
 public:
  int depth() const { return depth_; }

  void Push(bool is_object) {
    const size_t word = static_cast<size_t>(depth_) / 64;
    if (word == bits_.size()) bits_.push_back(0);
    const uint64_t bit = uint64_t{1} << (depth_ % 64);
    bits_[word] = is_object ? bits_[word] | bit : bits_[word] & ~bit;
    ++depth_;
  }
  void Pop() { --depth_; }

  // REQUIRES: depth() > 0.
  bool IsObject() const {
    const int last = depth_ - 1;
    return (bits_[static_cast<size_t>(last) / 64] >> (last % 64) & 1) != 0;
  }

 private:
  absl::InlinedVector<uint64_t, contract::kJsonDepthMax / 64> bits_;
  int depth_ = 0;
};

// The bytes of `word` that a string cannot simply contain: quotes, backslashes,
// control characters, and bytes that are not ASCII. The top bit of the first
// such byte is set, those of later bytes may be wrong.
uint64_t Special(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kTops = 0x8080808080808080;
  const uint64_t quote = word ^ kOnes * '"';
  const uint64_t backslash = word ^ kOnes * '\\';
  return ((quote - kOnes) | (backslash - kOnes) | (word - kOnes * 0x20) |
          word) &
         kTops;
}

// One pass over a text. Each step returns false at a fault, with the expected
// item in `expected_`.
class Walk {
 public:
  explicit Walk(absl::string_view text, int depth_max)
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        depth_max_(depth_max) {}

  // Walks over one value and the spaces around it. Each turn reads the
  // beginning of a value, and the ends of all containers that end with it.
  std::optional<JsonFault> Run() {
    bool good = true;
    do {
      good = Value() && Ends();
    } while (good && nesting_.depth() > 0);
    if (good) good = at_ == end_ || Expect("the end");
    if (good) return std::nullopt;
    return JsonFault{static_cast<size_t>(at_ - begin_), expected_, too_deep_};
  }

  int deepest() const { return deepest_; }

 private:
  bool Expect(absl::string_view expected) {
    expected_ = expected;
    return false;
  }

  // The next byte that is no space, or 0, which begins no value.
  char Peek() {
    for (; at_ < end_; ++at_) {
      const char c = *at_;
      if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c;
    }
    return '\0';
  }

  // A scalar, an empty container, or the way into a container up to its first
  // value.
  bool Value() {
    for (;;) {
      const char first = Peek();
      if (first == '"') return String();
      if (first != '{' && first != '[') return Scalar(first);
      if (nesting_.depth() == depth_max_) {
        too_deep_ = true;
        return false;
      }
      ++at_;
      nesting_.Push(first == '{');
      deepest_ = std::max(deepest_, nesting_.depth());
      if (Peek() == (first == '{' ? '}' : ']')) {
        ++at_;
        nesting_.Pop();
        return true;
      }
      if (first == '{' && !Key()) return false;
    }
  }

  // Behind a value: the ends of containers, and then the way to the next value,
  // or the end of all.
  bool Ends() {
    for (;;) {
      const char next = Peek();
      if (nesting_.depth() == 0) return true;
      const bool is_object = nesting_.IsObject();
      if (next == ',') {
        ++at_;
        return !is_object || Key();
      }
      if (next != (is_object ? '}' : ']')) {
        return Expect(is_object ? "a , or a }" : "a , or a ]");
      }
      ++at_;
      nesting_.Pop();
    }
  }

  bool Key() {
    if (Peek() != '"') return Expect("a string");
    if (!String()) return false;
    if (Peek() != ':') return Expect("a :");
    ++at_;
    return true;
  }

  // REQUIRES: at a quote.
  bool String() {
    ++at_;
    for (;;) {
      SkipPlain();
      if (at_ == end_) return Expect("the end of a string");
      const auto c = static_cast<unsigned char>(*at_);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (!Escape()) return false;
      } else if (c < 0x20) {
        return Expect("the end of a string, or an escape,");
      } else if (c < 0x80) {
        ++at_;
      } else if (!NotAscii()) {
        return false;
      }
    }
  }

  // Eight bytes at a time, as far as there is nothing special in a string.
  void SkipPlain() {
    while (end_ - at_ >= 8) {
      uint64_t word = 0;
      std::memcpy(&word, at_, sizeof(word));
      const uint64_t special = Special(word);
      if (special != 0) {
        if constexpr (std::endian::native == std::endian::little) {
          at_ += std::countr_zero(special) / 8;
        }
        return;
      }
      at_ += 8;
    }
  }

  bool NotAscii() {
    do {
      const size_t length =
          contract::Utf8SequenceLength(at_, static_cast<size_t>(end_ - at_));
      if (length == 0) return Expect("UTF-8");
      at_ += length;
    } while (at_ < end_ && static_cast<unsigned char>(*at_) >= 0x80);
    return true;
  }

  // REQUIRES: at a backslash.
  bool Escape() {
    const absl::string_view rest(at_ + 1, static_cast<size_t>(end_ - at_ - 1));
    const char kind = rest.empty() ? '\0' : rest[0];
    size_t length = 1;
    if (kind == 'u') {
      while (length <= 4 && length < rest.size() &&
             absl::ascii_isxdigit(static_cast<unsigned char>(rest[length]))) {
        ++length;
      }
      if (length <= 4) return Expect("an escape");
    } else if (kind == '\0' || absl::string_view("\"\\/bfnrt").find(kind) ==
                                   absl::string_view::npos) {
      return Expect("an escape");
    }
    at_ += 1 + length;
    return true;
  }

  bool Scalar(char first) {
    switch (first) {
      case 't':
        return Literal("true");
      case 'f':
        return Literal("false");
      case 'n':
        return Literal("null");
      default:
        return Number();
    }
  }

  bool Literal(absl::string_view literal) {
    const absl::string_view rest(at_, static_cast<size_t>(end_ - at_));
    if (rest.substr(0, literal.size()) != literal) return Expect("a value");
    return EndOfScalar(at_ + literal.size());
  }

  // RFC 8259 section 6.
  bool Number() {
    const char* at = at_;
    const auto take = [&](char c) {
      const bool there = at < end_ && *at == c;
      at += there;
      return there;
    };
    const auto digits = [&] {
      const char* const first = at;
      while (at < end_ && *at >= '0' && *at <= '9') ++at;
      return at > first;
    };
    take('-');
    if (!take('0') && !digits()) return Expect("a value");
    if (take('.') && !digits()) return Expect("a value");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return Expect("a value");
    }
    return EndOfScalar(at);
  }

  // So that `01` is a bad value, and not a good one before a bad one.
  bool EndOfScalar(const char* end) {
    if (end < end_ && (absl::ascii_isalnum(static_cast<unsigned char>(*end)) ||
                       *end == '.' || *end == '+' || *end == '-')) {
      return Expect("a value");
    }
    at_ = end;
    return true;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const int depth_max_;
  int deepest_ = 0;
  Nesting nesting_;
  absl::string_view expected_;
  bool too_deep_ = false;
};

}  // namespace

std::optional<JsonFault> FindJsonFault(absl::string_view text) {
  return Walk(text, contract::kJsonDepthMax).Run();
}

std::optional<JsonFault> FindJsonFault(absl::string_view text, int* depth) {
  Walk walk(text, std::numeric_limits<int>::max());
  std::optional<JsonFault> fault = walk.Run();
  *depth = walk.deepest();
  return fault;
}

std::string Describe(const JsonFault& fault, absl::string_view text) {
  if (fault.too_deep) {
    return absl::StrCat("it is nested deeper than ", contract::kJsonDepthMax);
  }
  if (fault.offset >= text.size()) {
    return absl::StrCat("the text ends before ", fault.expected);
  }
  const absl::string_view rest = text.substr(fault.offset);
  const size_t size = std::max<size_t>(rest.find_first_of(" \t\r\n"), 1);
  return absl::StrCat(contract::Quoted(rest.substr(0, size)), " stands where ",
                      fault.expected, " belongs");
}

bool IsJson(absl::string_view text) { return !FindJsonFault(text).has_value(); }

absl::Status CheckJson(absl::string_view what, absl::string_view text) {
  const std::optional<JsonFault> fault = FindJsonFault(text);
  if (!fault.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", contract::Quoted(text),
                   " is not JSON text: ", Describe(*fault, text)));
}

}  // namespace herald::json
