// SPDX-License-Identifier: Apache-2.0

#include "proto/process/listening_sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/contract/address.h"

namespace herald::process {
namespace {

constexpr absl::string_view kUnix = "unix:";
constexpr int kFreePortAttempts = 10;

// Any of the socket addresses.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* any() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  in_port_t& port() {
    return family() == AF_INET6
               ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
               : reinterpret_cast<sockaddr_in*>(&storage)->sin_port;
  }
};

SocketAddress Wildcard(int family, in_port_t port) {
  SocketAddress address;
  address.storage.ss_family = static_cast<sa_family_t>(family);
  address.size =
      family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  address.port() = port;
  return address;
}

bool IsSame(const SocketAddress& a, const SocketAddress& b) {
  return a.size == b.size && std::memcmp(&a.storage, &b.storage, a.size) == 0;
}

bool IsWildcard(SocketAddress& address) {
  return IsSame(address, Wildcard(address.family(), address.port()));
}

// The addresses of `host`, each once, or why there are none.
absl::StatusOr<std::vector<SocketAddress>> Resolve(
    const contract::HostPort& where, ListeningSockets::Resolver resolver) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = resolver(where.host.c_str(),
                             absl::StrCat(where.port).c_str(), &hints, &list);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  std::vector<SocketAddress> out;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    // A name with two lines in /etc/hosts may have an address twice.
    const bool is_new = absl::c_none_of(out, [&](const SocketAddress& other) {
      return IsSame(address, other);
    });
    if (is_new) out.push_back(address);
  }
  freeaddrinfo(list);
  return out;
}

void Share(int fd) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

// A socket that listens at the address. `shares`: with copies of itself. The
// first of them binds without sharing, so that a port which another process
// has, even one that shares it, is an error. -1 with errno set.
int Bind(SocketAddress& address, bool only_v6, bool shares, bool is_first) {
  const int fd =
      socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  const int v6 = only_v6 ? 1 : 0;
  if (address.family() != AF_UNIX) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  }
  if (address.family() == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6, sizeof(v6));
  }
  if (shares && !is_first) Share(fd);
  if (bind(fd, address.any(), address.size) == 0) {
    if (shares && is_first) Share(fd);
    if (listen(fd, SOMAXCONN) == 0) return fd;
  }
  const int why = errno;
  close(fd);
  errno = why;
  return -1;
}

// Whether the machine has no such address, while others of the host may do.
bool IsMissing(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

void CloseAll(std::vector<int>* descriptors) {
  for (const int fd : *descriptors) close(fd);
  descriptors->clear();
}

// Binds one address of a host, `copies` times; what it is bound to replaces it.
// A wildcard becomes that of both families where the machine has both. 0, or
// an errno; nothing of it is open then.
int BindCopies(SocketAddress& one, int copies, std::vector<int>* descriptors) {
  const bool shares = copies > 1;
  int fd = -1;
  if (IsWildcard(one)) {
    SocketAddress both = Wildcard(AF_INET6, one.port());
    fd = Bind(both, /*only_v6=*/false, shares, /*is_first=*/true);
    if (fd >= 0) one = both;
  }
  if (fd < 0 && (!IsWildcard(one) || IsMissing(errno))) {
    fd = Bind(one, /*only_v6=*/true, shares, /*is_first=*/true);
  }
  if (fd < 0) return errno;
  std::vector<int> bound = {fd};
  getsockname(fd, one.any(), &one.size);
  for (int i = 1; i < copies; ++i) {
    const int copy = Bind(one, /*only_v6=*/!IsWildcard(one), /*shares=*/true,
                          /*is_first=*/false);
    if (copy < 0) {
      const int error = errno;
      CloseAll(&bound);
      return error;
    }
    bound.push_back(copy);
  }
  descriptors->insert(descriptors->end(), bound.begin(), bound.end());
  return 0;
}

// Binds all addresses of a host to one port, which the first one chooses if it
// is 0. An address that the machine lacks is left out if there is another one.
// 0, or an errno; some may be open then.
int BindAll(std::vector<SocketAddress> addresses, int copies, in_port_t* port,
            std::vector<int>* descriptors) {
  int missing = EADDRNOTAVAIL;
  for (SocketAddress& one : addresses) {
    one.port() = *port;
    const int error = BindCopies(one, copies, descriptors);
    if (IsMissing(error)) {
      missing = error;
      continue;
    }
    if (error != 0) return error;
    *port = one.port();
    if (IsWildcard(one)) break;
  }
  return descriptors->empty() ? missing : 0;
}

absl::Status Failure(int error) {
  return absl::UnavailableError(std::strerror(error));
}

// The inode of the socket at the path; 0 if there is none.
ino_t SocketAt(const std::string& path) {
  struct stat file {};
  if (lstat(path.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return 0;
  return file.st_ino;
}

// Whether no process listens on the unix socket any more. One that is busy
// answers EAGAIN, and is not waited for.
bool IsLeftOver(SocketAddress& address) {
  const int probe =
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool left_over =
      connect(probe, address.any(), address.size) != 0 && errno == ECONNREFUSED;
  close(probe);
  return left_over;
}

}  // namespace

ListeningSockets::~ListeningSockets() {
  CloseAll(&descriptors_);
  if (!path_.empty() && SocketAt(path_) == inode_) unlink(path_.c_str());
}

ListeningSockets::ListeningSockets(ListeningSockets&& other) noexcept
    : copies_(other.copies_),
      descriptors_(std::exchange(other.descriptors_, {})),
      address_(std::move(other.address_)),
      path_(std::exchange(other.path_, {})),
      inode_(other.inode_) {}

absl::StatusOr<ListeningSockets> ListeningSockets::Listen(
    const std::string& address, int copies, Resolver resolver) {
  ListeningSockets sockets(copies);
  const absl::Status listening =
      absl::StartsWith(address, kUnix)
          ? sockets.ListenAtPath(std::string(absl::StripPrefix(address, kUnix)))
          : sockets.ListenAtHost(address, resolver);
  if (listening.ok()) return sockets;
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address, ": ", listening.message()));
}

absl::Status ListeningSockets::ListenAtPath(const std::string& path) {
  SocketAddress address;
  auto* const unix_address = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.empty() || path.size() >= sizeof(unix_address->sun_path)) {
    return Failure(ENAMETOOLONG);
  }
  unix_address->sun_family = AF_UNIX;
  std::memcpy(unix_address->sun_path, path.data(), path.size());
  address.size = sizeof(sockaddr_un);
  int fd = Bind(address, false, /*shares=*/false, /*is_first=*/true);
  if (fd < 0 && errno == EADDRINUSE) {
    // A file that is no socket refuses connections, too.
    if (SocketAt(path) == 0) {
      return absl::UnavailableError("the file is there, and it is no socket");
    }
    if (!IsLeftOver(address)) return Failure(EADDRINUSE);
    unlink(path.c_str());
    fd = Bind(address, false, /*shares=*/false, /*is_first=*/true);
  }
  if (fd < 0) return Failure(errno);
  descriptors_.push_back(fd);
  for (int i = 1; i < copies_; ++i) {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return Failure(errno);
    descriptors_.push_back(copy);
  }
  address_ = absl::StrCat(kUnix, path);
  path_ = path;
  inode_ = SocketAt(path);
  return absl::OkStatus();
}

absl::Status ListeningSockets::ListenAtHost(const std::string& address,
                                            Resolver resolver) {
  const std::optional<contract::HostPort> where =
      contract::SplitHostPort(address);
  if (!where) return absl::UnavailableError("it is not host:port");
  const absl::StatusOr<std::vector<SocketAddress>> found =
      Resolve(*where, resolver);
  if (!found.ok()) return found.status();
  // A port that is free at the first address may be taken at the next one.
  int attempts = where->port == 0 ? kFreePortAttempts : 1;
  in_port_t port = 0;
  int error = 0;
  do {
    CloseAll(&descriptors_);
    port = htons(where->port);
    error = BindAll(*found, copies_, &port, &descriptors_);
  } while (error == EADDRINUSE && --attempts > 0);
  if (error != 0) return Failure(error);
  address_ =
      absl::StrCat(address.substr(0, address.rfind(':')), ":", ntohs(port));
  return absl::OkStatus();
}

}  // namespace herald::process
