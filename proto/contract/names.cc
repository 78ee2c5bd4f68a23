// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/names.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/utf8.h"

namespace herald::contract {
namespace {

bool IsChannelCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("_-=@,.;:").find(c) != absl::string_view::npos;
}

bool HasControlCharacter(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F) return true;
    // C1 is U+0080 to U+009F, which UTF-8 writes as C2 80 to C2 9F.
    if (c == 0xC2 && i + 1 < text.size() &&
        static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      return true;
    }
  }
  return false;
}

absl::Status CheckLength(absl::string_view what, absl::string_view value,
                         int64_t bytes_max) {
  if (value.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is empty"));
  }
  if (static_cast<int64_t>(value.size()) > bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " ", Quoted(value), " has ", value.size(),
                     " bytes; at most ", bytes_max, " are allowed"));
  }
  return absl::OkStatus();
}

// A decimal number without sign or leading zeros.
std::optional<uint64_t> ParseDigits(absl::string_view text) {
  uint64_t value = 0;
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
  }
  if (!absl::SimpleAtoi(text, &value)) return std::nullopt;
  return value;
}

}  // namespace

absl::Status CheckChannelName(absl::string_view name) {
  absl::Status status = CheckLength("channel", name, kChannelNameBytesMax);
  if (!status.ok()) return status;
  for (const char c : name) {
    if (!IsChannelCharacter(c)) {
      return absl::InvalidArgumentError(
          absl::StrCat("channel ", Quoted(name),
                       " has a character other than A-Z a-z 0-9 _-=@,.;:"));
    }
  }
  return absl::OkStatus();
}

ChannelType TypeOfChannel(absl::string_view name) {
  if (absl::StartsWith(name, "private-")) return ChannelType::kPrivate;
  if (absl::StartsWith(name, "presence-")) return ChannelType::kPresence;
  return ChannelType::kPublic;
}

absl::Status CheckEventName(absl::string_view name) {
  absl::Status status = CheckLength("event", name, kEventNameBytesMax);
  if (!status.ok()) return status;
  if (!IsUtf8(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("event ", Quoted(name), " is not UTF-8"));
  }
  if (HasControlCharacter(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("event ", Quoted(name), " has a control character"));
  }
  return absl::OkStatus();
}

absl::Status CheckUserId(absl::string_view user_id) {
  absl::Status status = CheckLength("user_id", user_id, kUserIdBytesMax);
  if (!status.ok()) return status;
  if (!IsUtf8(user_id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("user_id ", Quoted(user_id), " is not UTF-8"));
  }
  return absl::OkStatus();
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    // Most text is ASCII: eight bytes at a time.
    uint64_t bytes = 0;
    if (text.size() >= sizeof bytes) {
      std::memcpy(&bytes, text.data(), sizeof bytes);
      if ((bytes & 0x8080808080808080) == 0) {
        text.remove_prefix(sizeof bytes);
        continue;
      }
    }
    const size_t length = Utf8SequenceLength(text.data(), text.size());
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string FormatSocketId(SocketId id) {
  return absl::StrCat(id.gateway, ".", id.socket);
}

std::optional<SocketId> ParseSocketId(absl::string_view text) {
  const size_t dot = text.find('.');
  if (dot == absl::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> gateway = ParseDigits(text.substr(0, dot));
  const std::optional<uint64_t> socket = ParseDigits(text.substr(dot + 1));
  if (!gateway || !socket || *gateway == 0) return std::nullopt;
  return SocketId{*gateway, *socket};
}

std::string Quoted(absl::string_view value) {
  constexpr size_t kShownBytesMax = 64;
  const absl::string_view shown = CutUtf8(value, kShownBytesMax);
  // The result is always text, because messages contain it.
  const bool plain = IsUtf8(shown) && !HasControlCharacter(shown);
  return absl::StrCat(
      "\"", plain ? absl::Utf8SafeCHexEscape(shown) : absl::CHexEscape(shown),
      shown.size() < value.size() ? "…\"" : "\"");
}

absl::string_view CutUtf8(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  }
  return text;
}

}  // namespace herald::contract
