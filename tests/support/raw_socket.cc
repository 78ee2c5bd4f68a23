// SPDX-License-Identifier: Apache-2.0

#include "tests/support/raw_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "boost/asio/buffer.hpp"
#include "boost/beast/http/parser.hpp"
#include "boost/beast/http/string_body.hpp"
#include "gtest/gtest.h"
#include "proto/contract/address.h"

namespace herald::testing_support {
namespace {

constexpr int kNoStatus = 1005;
constexpr int kNoCloseFrame = 1006;

// Longest answer that is read; a peer that sends more is broken.
constexpr size_t kBytesMax = 64 << 20;

uint64_t BigEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string ClientFrame(Opcode opcode, absl::string_view payload,
                        bool is_final) {
  constexpr std::array<char, 4> kMask = {0x12, 0x34, 0x56, 0x78};
  std::string frame;
  frame += static_cast<char>(opcode | (is_final ? 0x80 : 0));
  const uint64_t size = payload.size();
  const int size_bytes = size < 126 ? 0 : size < (1 << 16) ? 2 : 8;
  frame += static_cast<char>(0x80 | (size_bytes == 0   ? size
                                     : size_bytes == 2 ? 126u
                                                       : 127u));
  for (int i = size_bytes - 1; i >= 0; --i) {
    frame += static_cast<char>(size >> (8 * i) & 0xFF);
  }
  frame.append(kMask.data(), kMask.size());
  for (size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ kMask[i % kMask.size()]);
  }
  return frame;
}

int ServerFrame::close_code() const {
  if (opcode != kClose) return 0;
  if (payload.size() < 2) return kNoStatus;
  return static_cast<int>(BigEndian(absl::string_view(payload).substr(0, 2)));
}

RawSocket::RawSocket(const std::string& address, const std::string& source) {
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, "unix:")) {
    sockaddr_un peer{};
    peer.sun_family = AF_UNIX;
    path.copy(peer.sun_path, sizeof peer.sun_path - 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at_end_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&peer),
                        sizeof peer) != 0;
    return;
  }
  const auto parts = contract::SplitHostPort(address);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* peer = nullptr;
  if (!parts.has_value() ||
      ::getaddrinfo(parts->host.c_str(), absl::StrCat(parts->port).c_str(),
                    &hints, &peer) != 0) {
    ADD_FAILURE() << "no address: " << address;
    return;
  }
  fd_ = ::socket(peer->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!source.empty()) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, source.c_str(), &own.sin_addr), 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own),
              0);
  }
  // On loopback a connect is answered at once, with yes or no.
  at_end_ = ::connect(fd_, peer->ai_addr, peer->ai_addrlen) != 0;
  ::freeaddrinfo(peer);
}

RawSocket::~RawSocket() {
  if (fd_ >= 0) ::close(fd_);
}

bool RawSocket::Send(absl::string_view bytes) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (!bytes.empty() && !at_end_ && Clock::now() < deadline) {
    const ssize_t count =
        ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd poll{fd_, POLLOUT, 0};
      ::poll(&poll, 1, 100);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return bytes.empty();
}

bool RawSocket::ReadMore(Clock::time_point deadline) {
  std::array<char, 65536> bytes;
  while (!at_end_ && buffer_.size() < kBytesMax) {
    const auto left =
        std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd poll{fd_, POLLIN, 0};
    if (::poll(&poll, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) {
      buffer_.append(bytes.data(), static_cast<size_t>(count));
      return true;
    }
    was_reset_ = count < 0 && errno != EAGAIN && errno != EINTR;
    at_end_ = count == 0 || was_reset_;
  }
  return false;
}

bool RawSocket::AskToUpgrade(absl::string_view headers,
                             absl::string_view path) {
  return Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: herald\r\n",
                           "Upgrade: websocket\r\nConnection: Upgrade\r\n",
                           "Sec-WebSocket-Version: 13\r\n",
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                           headers, "\r\n"));
}

int RawSocket::Upgrade(absl::string_view headers, absl::string_view path) {
  AskToUpgrade(headers, path);
  const Clock::time_point deadline = Clock::now() + kPatience;
  size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore(deadline)) return 0;
  }
  int status = 0;
  if (!absl::SimpleAtoi(buffer_.substr(9, 3), &status)) return 0;
  buffer_.erase(0, end + 4);
  return status;
}

std::optional<ServerFrame> RawSocket::ReadFrame(Milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  const auto need = [&](size_t bytes) {
    while (buffer_.size() < bytes) {
      if (!ReadMore(deadline)) return false;
    }
    return true;
  };
  if (!need(2)) return std::nullopt;
  const auto first = static_cast<uint8_t>(buffer_[0]);
  const auto second = static_cast<uint8_t>(buffer_[1]);
  EXPECT_EQ(second & 0x80, 0) << "a server must not mask";
  EXPECT_EQ(first & 0x70, 0) << "no extension was agreed";
  const size_t size_bytes = second == 127 ? 8 : second == 126 ? 2 : 0;
  const size_t header = 2 + size_bytes;
  if (!need(header)) return std::nullopt;
  const uint64_t size =
      size_bytes == 0
          ? second
          : BigEndian(absl::string_view(buffer_).substr(2, size_bytes));
  if (!need(header + size)) return std::nullopt;
  ServerFrame frame{static_cast<uint8_t>(first & 0x0F), (first & 0x80) != 0,
                    buffer_.substr(header, size)};
  buffer_.erase(0, header + size);
  return frame;
}

int RawSocket::ReadUntilClose(Milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  while (Clock::now() < deadline) {
    const auto frame = ReadFrame(
        std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()));
    if (!frame.has_value()) break;
    if (frame->opcode == kClose) return frame->close_code();
  }
  EXPECT_TRUE(at_end_) << "the connection was not closed";
  return kNoCloseFrame;
}

std::string RawSocket::ReadToEnd(Milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  while (ReadMore(deadline)) {
  }
  return std::exchange(buffer_, "");
}

bool RawSocket::WaitForEnd(Milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  while (ReadMore(deadline)) buffer_.clear();
  return at_end_;
}

void RawSocket::Reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ::close(std::exchange(fd_, -1));
}

HttpAnswer RawSocket::Get(absl::string_view path, Milliseconds patience) {
  namespace http = boost::beast::http;
  Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: herald\r\n\r\n"));
  const Clock::time_point deadline = Clock::now() + patience;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kBytesMax);
  parser.eager(true);
  while (!parser.is_done() && ReadMore(deadline)) {
    boost::system::error_code error;
    buffer_.erase(0, parser.put(boost::asio::buffer(buffer_), error));
  }
  if (!parser.is_header_done()) return {};
  return {static_cast<int>(parser.get().result_int()), parser.get().body()};
}

HttpAnswer HttpGet(const std::string& address, const std::string& path) {
  return RawSocket(address).Get(path);
}

}  // namespace herald::testing_support
