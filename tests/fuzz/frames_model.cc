// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/frames_model.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"

namespace herald::fuzz {
namespace {

constexpr int kNormal = 1000;
constexpr int kProtocolError = 1002;
constexpr int kNoStatus = 1005;
constexpr int kBadPayload = 1007;
constexpr int kTooBig = 1009;

constexpr int kText = 1;
constexpr int kBinary = 2;
constexpr int kCloseOpcode = 8;
constexpr int kPing = 9;
constexpr int kPong = 10;

uint64_t Number(absl::string_view bytes) {
  uint64_t number = 0;
  for (const char c : bytes) {
    number = number << 8 | static_cast<unsigned char>(c);
  }
  return number;
}

// Whether a text in UTF-8 may begin so.
bool IsUtf8Beginning(absl::string_view text) {
  constexpr size_t kLongest = 3;  // Of a character that is not whole.
  if (contract::IsUtf8(text)) return true;
  for (size_t cut = 1; cut <= std::min(kLongest, text.size()); ++cut) {
    for (const char* const end : {"\x80", "\xBF", "\x80\x80", "\xBF\x80",
                                  "\x80\x80\x80", "\xBF\x80\x80"}) {
      const absl::string_view last = text.substr(text.size() - cut);
      if (contract::IsUtf8(text.substr(0, text.size() - cut)) &&
          contract::IsUtf8(absl::StrCat(last, end))) {
        return true;
      }
    }
  }
  return false;
}

// Codes that a close frame may have (RFC 6455 section 7.4, and the registry).
bool IsCloseCode(uint64_t code) {
  if (code >= 3000) return true;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013);
}

class Model {
 public:
  Model(absl::string_view bytes, size_t message_bytes_max)
      : rest_(bytes), message_bytes_max_(message_bytes_max) {}

  ReadFrames Run() {
    while (!read_.closed && ReadFrame()) {
    }
    read_.between_messages = !read_.closed && rest_.empty() && opcode_ == 0;
    return std::move(read_);
  }

 private:
  struct Head {
    size_t size = 0;
    int opcode = 0;
    bool is_final = false;
    uint64_t payload_size = 0;
    absl::string_view mask;

    bool is_control() const { return opcode >= kCloseOpcode; }
  };

  // False if there is no other frame.
  bool ReadFrame() {
    const std::optional<Head> head = ReadHead();
    if (!head.has_value()) return false;
    if (read_.closed) return false;
    if (head->is_control()) return ReadControl(*head);
    if (head->opcode != 0) opcode_ = head->opcode;
    if (head->payload_size > message_bytes_max_ - message_.size()) {
      Close(kTooBig);
      return false;
    }
    message_ += Unmask(*head);
    if (opcode_ == kText && !IsUtf8Beginning(message_)) {
      Close(kBadPayload);
      return false;
    }
    if (rest_.size() - head->size < head->payload_size) return false;
    rest_.remove_prefix(head->size + static_cast<size_t>(head->payload_size));
    if (head->is_final) EndMessage();
    return true;
  }

  // Nothing if it is not whole. Closes if it breaks a rule.
  std::optional<Head> ReadHead() {
    if (rest_.size() < 2) return std::nullopt;
    const auto first = static_cast<unsigned char>(rest_[0]);
    const auto second = static_cast<unsigned char>(rest_[1]);
    const bool is_masked = (second & 0x80) != 0;
    const int length = second & 0x7F;
    const size_t length_size = length == 126 ? 2 : length == 127 ? 8 : 0;
    Head head;
    head.size = 2 + length_size + (is_masked ? 4 : 0);
    if (rest_.size() < head.size) return std::nullopt;
    head.opcode = first & 0x0F;
    head.is_final = (first & 0x80) != 0;
    head.payload_size = length_size == 0 ? static_cast<uint64_t>(length)
                                         : Number(rest_.substr(2, length_size));
    if (is_masked) head.mask = rest_.substr(head.size - 4, 4);
    const bool is_long = head.payload_size > 125;
    const bool is_shortest = length_size == 0 ||
                             (length_size == 2 && is_long) ||
                             head.payload_size > 0xFFFF;
    if ((first & 0x70) != 0 || !is_masked || !IsOpcodeInPlace(head) ||
        (head.is_control() && (length > 125 || !head.is_final)) ||
        !is_shortest) {
      Close(kProtocolError);
    }
    return head;
  }

  bool IsOpcodeInPlace(const Head& head) const {
    if (head.is_control()) return head.opcode <= kPong;
    if (head.opcode == 0) return opcode_ != 0;
    return head.opcode <= kBinary && opcode_ == 0;
  }

  std::string Unmask(const Head& head) const {
    const absl::string_view masked =
        rest_.substr(head.size, static_cast<size_t>(std::min<uint64_t>(
                                    head.payload_size, rest_.size())));
    std::string payload;
    for (size_t i = 0; i < masked.size(); ++i) {
      payload.push_back(static_cast<char>(masked[i] ^ head.mask[i % 4]));
    }
    return payload;
  }

  bool ReadControl(const Head& head) {
    const auto size = static_cast<size_t>(head.payload_size);
    if (rest_.size() - head.size < size) return false;
    const std::string payload = Unmask(head);
    rest_.remove_prefix(head.size + size);
    if (head.opcode == kCloseOpcode) {
      ReadClose(payload);
      return false;
    }
    if (head.opcode == kPing) {
      absl::StrAppend(&read_.answers, "\x8A",
                      std::string(1, static_cast<char>(size)), payload);
    }
    read_.events.push_back("control");
    return true;
  }

  void ReadClose(absl::string_view payload) {
    if (payload.size() == 1) return Close(kProtocolError);
    const uint64_t code =
        payload.empty() ? uint64_t{kNoStatus} : Number(payload.substr(0, 2));
    if (!payload.empty() &&
        (!IsCloseCode(code) || !contract::IsUtf8(payload.substr(2)))) {
      return Close(kProtocolError);
    }
    read_.events.push_back("close");
    Close(payload.empty() ? kNormal : static_cast<int>(code));
  }

  void EndMessage() {
    if (opcode_ == kText && !contract::IsUtf8(message_)) {
      return Close(kBadPayload);
    }
    read_.events.push_back(
        absl::StrCat(opcode_ == kText ? "text " : "binary ", message_));
    message_.clear();
    opcode_ = 0;
  }

  void Close(int code) {
    read_.closed = true;
    absl::StrAppend(&read_.answers, "\x88\x02");
    read_.answers.push_back(static_cast<char>(code >> 8));
    read_.answers.push_back(static_cast<char>(code & 0xFF));
  }

  absl::string_view rest_;
  const size_t message_bytes_max_;
  ReadFrames read_;
  int opcode_ = 0;  // Of the message that has begun; 0: none has.
  std::string message_;
};

}  // namespace

ReadFrames ReadAllFrames(absl::string_view bytes, size_t message_bytes_max) {
  return Model(bytes, message_bytes_max).Run();
}

}  // namespace herald::fuzz
