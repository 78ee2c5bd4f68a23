// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/listen_error.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "proto/contract/settings.h"

namespace herald::rpc {
namespace {

std::string ReasonFor(const contract::HostPort& where) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(
      where.host.c_str(), absl::StrCat(where.port).c_str(), &hints, &found);
  if (error != 0) return gai_strerror(error);
  std::string reason = "this kind of address is not supported";
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0) {
    reason = std::strerror(errno);
  }
  if (fd >= 0) close(fd);
  freeaddrinfo(found);
  return reason;
}

}  // namespace

absl::Status ListenError(const std::string& address) {
  const std::optional<contract::HostPort> where =
      contract::SplitHostPort(address);
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address, ": ",
                   where ? ReasonFor(*where) : "it is not host:port"));
}

}  // namespace herald::rpc
