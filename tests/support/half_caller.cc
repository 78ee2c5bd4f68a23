// SPDX-License-Identifier: Apache-2.0

#include "tests/support/half_caller.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace herald::testing_support {
namespace {

// RFC 9113 section 6.
enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kPingFrame = 6,
  kWindowUpdate = 8,
};
constexpr uint8_t kAck = 1;
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;
constexpr size_t kFrameHeadBytes = 9;
constexpr int64_t kFrameBytesMax = 16384;

std::string BigEndian(uint32_t number, int bytes) {
  std::string text;
  while (bytes-- > 0) {
    text.push_back(static_cast<char>(number >> 8 * bytes & 0xFF));
  }
  return text;
}

uint32_t Number(absl::string_view bytes) {
  uint32_t number = 0;
  for (const char c : bytes) {
    number = number << 8 | static_cast<unsigned char>(c);
  }
  return number;
}

// RFC 9113 section 4.1.
std::string Http2Frame(uint8_t type, uint8_t flags, uint32_t stream,
                       absl::string_view payload) {
  return absl::StrCat(BigEndian(static_cast<uint32_t>(payload.size()), 3),
                      BigEndian(type, 1), BigEndian(flags, 1),
                      BigEndian(stream, 4), payload);
}

// A literal field that is not indexed, of less than 127 bytes each (RFC 7541
// section 6.2.2).
std::string Header(const std::string& name, const std::string& value) {
  return absl::StrCat(std::string(1, '\0'),
                      std::string(1, static_cast<char>(name.size())), name,
                      std::string(1, static_cast<char>(value.size())), value);
}

std::string Headers(const std::string& path, const std::string& token) {
  std::string headers = Header(":method", "POST") + Header(":scheme", "http") +
                        Header(":path", path) + Header(":authority", "x") +
                        Header("te", "trailers") +
                        Header("content-type", "application/grpc");
  if (!token.empty()) headers += Header("authorization", "Bearer " + token);
  return headers;
}

}  // namespace

HalfCaller::HalfCaller(const std::string& address, const std::string& source)
    : socket_(address, source) {
  socket_.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket_.Send(Http2Frame(kSettings, 0, 0, ""));
}

void HalfCaller::Begin(const std::string& path, uint32_t bytes,
                       const std::string& token) {
  socket_.Send(Http2Frame(kHeaders, kEndHeaders, next_, Headers(path, token)));
  const std::string begin =
      absl::StrCat(BigEndian(0, 1), BigEndian(bytes, 4), "x");
  socket_.Send(Http2Frame(kData, 0, next_, begin));
  const auto sent = static_cast<int64_t>(begin.size());
  window_ -= sent;
  calls_[next_] = {int64_t{bytes} - 2, stream_window_ - sent};
  next_ += 2;
}

bool HalfCaller::Call(const std::string& path) {
  const std::string frames =
      Http2Frame(kHeaders, kEndHeaders, next_, Headers(path, "")) +
      Http2Frame(kData, kEndStream, next_, std::string(5, '\0'));
  next_ += 2;
  return socket_.Send(frames);
}

bool HalfCaller::BeginHeaders(const std::string& path) {
  const std::string frame =
      Http2Frame(kHeaders, kEndHeaders, next_, Headers(path, ""));
  next_ += 2;
  return socket_.Send(frame);
}

int64_t HalfCaller::SendMore(int64_t bytes) {
  Read();
  std::string frames;
  int64_t sent = 0;
  // A frame of each in turn.
  for (bool goes_on = true; std::exchange(goes_on, false);) {
    for (auto& [number, call] : calls_) {
      const int64_t size = std::min(
          {call.left, call.window, window_, kFrameBytesMax, bytes - sent});
      if (size <= 0) continue;
      frames += Http2Frame(kData, 0, number,
                           std::string(static_cast<size_t>(size), 'x'));
      call.left -= size;
      call.window -= size;
      window_ -= size;
      sent += size;
      goes_on = true;
    }
  }
  return socket_.Send(frames) ? sent : 0;
}

void HalfCaller::SendUnknownFrames(int bytes) {
  constexpr int kBytes = 16'000;
  const std::string frame =
      Http2Frame(/*type=*/0x77, 0, 0, std::string(kBytes, 'x'));
  for (; bytes > 0; bytes -= kBytes) socket_.Send(frame);
}

void HalfCaller::Read() {
  received_ += socket_.ReadToEnd(Milliseconds(2));
  absl::string_view rest = received_;
  while (rest.size() >= kFrameHeadBytes) {
    const size_t size = Number(rest.substr(0, 3));
    if (rest.size() < kFrameHeadBytes + size) break;
    OnFrame(static_cast<uint8_t>(rest[3]), static_cast<uint8_t>(rest[4]),
            Number(rest.substr(5, 4)), rest.substr(kFrameHeadBytes, size));
    rest.remove_prefix(kFrameHeadBytes + size);
  }
  received_ = std::string(rest);
}

void HalfCaller::OnFrame(uint8_t type, uint8_t flags, uint32_t stream,
                         absl::string_view payload) {
  if (type == kSettings && flags != kAck) {
    OnSettings(payload);
  } else if (type == kPingFrame && flags != kAck) {
    socket_.Send(Http2Frame(kPingFrame, kAck, 0, payload));
  } else if (type == kWindowUpdate && stream == 0) {
    window_ += Number(payload);
  } else if (type == kWindowUpdate) {
    const auto call = calls_.find(stream);
    if (call != calls_.end()) call->second.window += Number(payload);
  } else if (type == kResetStream ||
             (type == kHeaders && (flags & kEndStream) != 0)) {
    calls_.erase(stream);
  }
}

void HalfCaller::OnSettings(absl::string_view payload) {
  constexpr uint32_t kInitialWindow = 4;
  for (; payload.size() >= 6; payload.remove_prefix(6)) {
    if (Number(payload.substr(0, 2)) != kInitialWindow) continue;
    const int64_t window = Number(payload.substr(2, 4));
    const int64_t more = window - std::exchange(stream_window_, window);
    for (auto& [number, call] : calls_) call.window += more;
  }
  socket_.Send(Http2Frame(kSettings, kAck, 0, ""));
}

}  // namespace herald::testing_support
