// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "proto/contract/address.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

constexpr int kSourceAddresses = 16;
constexpr uint32_t kFirstSource = INADDR_LOOPBACK + 1;  // 127.0.0.2

const sockaddr* Generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void SetOption(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) {
    FailCall("setsockopt");
  }
}

bool IsLoopback(const sockaddr_in& address) {
  return ntohl(address.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

}  // namespace

Endpoint ResolveEndpoint(absl::string_view host_port) {
  const auto parts = contract::SplitHostPort(host_port);
  if (!parts.has_value()) Fail("\"", host_port, "\" is not host:port");
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = absl::StrCat(parts->port);
  const int error =
      ::getaddrinfo(parts->host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) Fail(host_port, ": ", ::gai_strerror(error));
  Endpoint endpoint{std::string(host_port), {}};
  std::memcpy(&endpoint.address, found->ai_addr, sizeof endpoint.address);
  ::freeaddrinfo(found);
  return endpoint;
}

int ListenOnLoopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::bind(fd, Generic(address), sizeof address) != 0 ||
      ::listen(fd, SOMAXCONN) != 0) {
    FailCall("listen");
  }
  return fd;
}

int PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    FailCall("getsockname");
  }
  return ntohs(address.sin_port);
}

int ConnectTo(const Endpoint& endpoint) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 ||
      ::connect(fd, Generic(endpoint.address), sizeof endpoint.address) != 0) {
    FailCall(absl::StrCat("connect to ", endpoint.host));
  }
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  return fd;
}

int StartConnecting(const Endpoint& endpoint, int number) {
  const int fd =
      ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) FailCall("socket");
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (IsLoopback(endpoint.address)) {
    // The port is chosen when the peer is known: one serves many peers.
    SetOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr =
        htonl(kFirstSource + static_cast<uint32_t>(number % kSourceAddresses));
    if (::bind(fd, Generic(source), sizeof source) != 0) FailCall("bind");
  }
  if (::connect(fd, Generic(endpoint.address), sizeof endpoint.address) != 0 &&
      errno != EINPROGRESS) {
    FailCall(absl::StrCat("connect to ", endpoint.host));
  }
  return fd;
}

void SendAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) FailCall("send");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

}  // namespace herald::benchmark
