// SPDX-License-Identifier: Apache-2.0

#include "tests/support/dns_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::testing_support {
namespace {

// RFC 1035 section 4.1.
constexpr size_t kHeaderBytes = 12;
constexpr char kServerFailure = 2;
constexpr int kTypeA = 1;

// The question behind the header: labels, type and class. Empty if it is cut.
std::string QuestionOf(absl::string_view query) {
  size_t i = kHeaderBytes;
  while (i < query.size() && query[i] != 0) {
    i += 1 + static_cast<uint8_t>(query[i]);
  }
  const size_t end = i + 5;
  if (end > query.size()) return "";
  return std::string(query.substr(kHeaderBytes, end - kHeaderBytes));
}

std::string AnswerOf(absl::string_view query, bool knows) {
  const std::string question = QuestionOf(query);
  if (question.empty()) return "";
  const int type = static_cast<uint8_t>(question[question.size() - 3]);
  const bool has_address = knows && type == kTypeA;
  std::string answer(query.substr(0, 2));
  answer += '\x81';  // An answer, and recursion was desired.
  answer += static_cast<char>(knows ? '\x80' : '\x80' | kServerFailure);
  answer += std::string("\0\1\0", 3);
  answer += has_address ? '\1' : '\0';
  answer += std::string(4, '\0') + question;
  if (has_address) {
    // The name of the question, A, IN, one second, 127.0.0.1.
    answer += std::string("\xC0\x0C\0\1\0\1\0\0\0\1\0\4\x7F\0\0\1", 16);
  }
  return answer;
}

}  // namespace

DnsServer::DnsServer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(fd_, any, size), 0);
  EXPECT_EQ(::getsockname(fd_, any, &size), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

DnsServer::~DnsServer() {
  stopping_ = true;
  thread_.join();
  ::close(fd_);
}

std::string DnsServer::TargetOf(absl::string_view name, int port) const {
  return absl::StrCat("dns://127.0.0.1:", port_, "/", name, ":", port);
}

void DnsServer::Run() {
  while (!stopping_) {
    pollfd readable{fd_, POLLIN, 0};
    if (::poll(&readable, 1, 20) <= 0) continue;
    std::array<char, 512> query;
    sockaddr_storage from{};
    socklen_t from_size = sizeof from;
    auto* const peer = reinterpret_cast<sockaddr*>(&from);
    const ssize_t size =
        ::recvfrom(fd_, query.data(), query.size(), 0, peer, &from_size);
    if (size <= 0) continue;
    ++asked_;
    const std::string answer = AnswerOf(
        absl::string_view(query.data(), static_cast<size_t>(size)), knows_);
    ::sendto(fd_, answer.data(), answer.size(), 0, peer, from_size);
  }
}

}  // namespace herald::testing_support
