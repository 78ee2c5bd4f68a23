// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/port_probe.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/log/log.h"

namespace herald::rpc {
namespace {

using process::Log;
using process::LogLevel;

constexpr absl::Duration kProbeInterval = absl::Seconds(2);
// A busy process must not be taken out of service.
constexpr absl::Duration kPatience = absl::Seconds(3);

absl::Status Failure(absl::string_view why) {
  return absl::UnavailableError(
      absl::StrCat("the gRPC port does not answer: ", why));
}

absl::Status Dial(int fd, const sockaddr* address, socklen_t size,
                  absl::Duration patience) {
  const int patience_ms = static_cast<int>(absl::ToInt64Milliseconds(patience));
  pollfd ready{fd, POLLIN, 0};
  // Connecting and reading are one wait: both end with the first bytes.
  if (connect(fd, address, size) != 0 && errno != EINPROGRESS) {
    return Failure(std::strerror(errno));
  }
  const int count = poll(&ready, 1, patience_ms);
  if (count <= 0) return Failure("it sends nothing");
  std::array<char, 9> header{};  // Of an HTTP/2 frame.
  const ssize_t bytes = recv(fd, header.data(), header.size(), MSG_DONTWAIT);
  if (bytes > 0) return absl::OkStatus();
  return Failure(bytes == 0 ? "it closes connections" : std::strerror(errno));
}

}  // namespace

absl::Status DialOwnPort(int listening, absl::Duration patience) {
  sockaddr_storage storage{};
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  socklen_t size = sizeof(storage);
  getsockname(listening, address, &size);
  const int fd =
      socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failure(std::strerror(errno));
  absl::Status status = Dial(fd, address, size, patience);
  close(fd);
  return status;
}

PortProbe::PortProbe(int listening)
    : listening_(listening), thread_([this] { Run(); }) {}

void PortProbe::Stop() {
  {
    contract::MutexLock lock(&mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status PortProbe::status() const {
  contract::MutexLock lock(&mu_);
  return status_;
}

void PortProbe::Run() {
  for (;;) {
    absl::Status now = DialOwnPort(listening_, kPatience);
    contract::MutexLock lock(&mu_);
    if (stopping_) return;
    if (now.ok() != status_.ok()) {
      Log(now.ok() ? LogLevel::kInfo : LogLevel::kWarning,
          now.ok() ? "own port answers again" : "own port does not answer",
          {{"why", std::string(now.message())}});
    }
    status_ = std::move(now);
    const absl::Time end = contract::SteadyNow() + kProbeInterval;
    while (!stopping_ && changed_.WaitUntil(&mu_, end)) continue;
    if (stopping_) return;
  }
}

}  // namespace herald::rpc
