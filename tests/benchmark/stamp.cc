// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/stamp.h"

#include <cstring>

#include "absl/strings/str_format.h"
#include "proto/contract/require.h"

namespace herald::benchmark {
namespace {

constexpr absl::string_view kBefore = "\"data\":\"";
constexpr size_t kSentDigits = 19;
constexpr size_t kChannelDigits = 6;
constexpr size_t kSequenceDigits = 10;
constexpr size_t kTextBytes =
    kSentDigits + 1 + kChannelDigits + 1 + kSequenceDigits + 1;
static_assert(kStampBytesMin == kTextBytes + 2);  // And quotes.

// The number that `digits` bytes at `text` write; -1 if they do not.
int64_t Number(const char* text, size_t digits) {
  int64_t number = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

}  // namespace

std::string EncodeStamp(const Stamp& stamp, size_t bytes) {
  contract::Require(bytes >= kStampBytesMin);
  std::string text = absl::StrFormat("\"%019d %06d %010d ", stamp.sent,
                                     stamp.channel, stamp.sequence);
  contract::Require(text.size() == kTextBytes + 1);
  text.append(bytes - kStampBytesMin, 'x');
  text.push_back('"');
  return text;
}

std::optional<Stamp> ParseStamp(absl::string_view message) {
  const void* const found =
      ::memmem(message.data(), message.size(), kBefore.data(), kBefore.size());
  if (found == nullptr) return std::nullopt;
  const char* at = static_cast<const char*>(found) + kBefore.size();
  if (message.data() + message.size() - at < static_cast<int>(kTextBytes)) {
    return std::nullopt;
  }
  Stamp stamp;
  stamp.sent = Number(at, kSentDigits);
  at += kSentDigits + 1;
  stamp.channel = Number(at, kChannelDigits);
  at += kChannelDigits + 1;
  stamp.sequence = Number(at, kSequenceDigits);
  if (stamp.sent < 0 || stamp.channel < 0 || stamp.sequence < 0) {
    return std::nullopt;
  }
  return stamp;
}

}  // namespace herald::benchmark
