// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/frame_reader.h"

#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

constexpr uint8_t kFinal = 0x80;   // And no reserved bit.
constexpr uint8_t kMasked = 0x80;  // Only clients mask.
constexpr uint8_t kTwoByteLength = 126;
constexpr uint8_t kEightByteLength = 127;

uint8_t ByteAt(absl::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

uint64_t BigEndian(absl::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) {
    number = number << 8 | static_cast<uint8_t>(byte);
  }
  return number;
}

bool IsKnown(uint8_t first) {
  switch (static_cast<Opcode>(first & ~kFinal)) {
    case Opcode::kText:
    case Opcode::kClose:
    case Opcode::kPing:
    case Opcode::kPong:
      return (first & kFinal) != 0;
  }
  return false;
}

// Reads the frame at the beginning of `bytes`. Returns its size, 0 if it is
// not there as a whole.
size_t ReadFrame(absl::string_view bytes, ServerFrame* frame) {
  if (bytes.size() < 2) return 0;
  const uint8_t first = ByteAt(bytes, 0);
  const uint8_t second = ByteAt(bytes, 1);
  if (!IsKnown(first) || (second & kMasked) != 0) {
    Fail("the server has sent a frame that begins with ", first, ", ", second);
  }
  size_t head = 2;
  uint64_t length = second;
  if (second == kTwoByteLength) head = 4;
  if (second == kEightByteLength) head = 10;
  if (bytes.size() < head) return 0;
  if (head > 2) length = BigEndian(bytes.substr(2, head - 2));
  if (bytes.size() - head < length) return 0;
  frame->opcode = static_cast<Opcode>(first & ~kFinal);
  frame->payload = bytes.substr(head, length);
  return head + length;
}

}  // namespace

void FrameReader::Feed(absl::string_view bytes, Take take) {
  const bool has_rest = !rest_.empty();
  if (has_rest) rest_.append(bytes.data(), bytes.size());
  absl::string_view left = has_rest ? absl::string_view(rest_) : bytes;
  ServerFrame frame;
  while (const size_t size = ReadFrame(left, &frame)) {
    take(frame);
    left.remove_prefix(size);
  }
  if (has_rest) {
    rest_.erase(0, rest_.size() - left.size());
  } else {
    rest_.assign(left.data(), left.size());
  }
}

}  // namespace herald::benchmark
