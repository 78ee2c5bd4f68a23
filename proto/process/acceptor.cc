// SPDX-License-Identifier: Apache-2.0

#include "proto/process/acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/process/files.h"

namespace herald::process {
namespace {

constexpr int kPauseMs = 100;

// Both fail on unix sockets, which need neither.
void SetOptions(int fd, unsigned unacknowledged_ms) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
             sizeof(unacknowledged_ms));
}

}  // namespace

Acceptor::Acceptor(ListeningSockets sockets, int (*descriptors_max)(),
                   absl::Duration unacknowledged_max, Host* host)
    : sockets_(std::move(sockets)),
      descriptors_max_(descriptors_max),
      unacknowledged_ms_(
          static_cast<unsigned>(absl::ToInt64Milliseconds(unacknowledged_max))),
      host_(host),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

Acceptor::~Acceptor() {
  Stop();
  close(stop_);
}

void Acceptor::Stop() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_, 1);
  thread_.join();
  // Callers are refused from here on, as they are by gRPC's own listener.
  for (const int fd : sockets_.descriptors()) shutdown(fd, SHUT_RDWR);
}

absl::Status Acceptor::status() const {
  contract::MutexLock lock(&mu_);
  if (shortage_ == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("connections at ", address(),
                   " cannot be accepted: ", std::strerror(shortage_),
                   " (the limit of open files is ", FilesMax(), ")"));
}

void Acceptor::Run() {
  std::vector<pollfd> waits = {{stop_, POLLIN, 0}};
  for (const int fd : sockets_.descriptors()) waits.push_back({fd, POLLIN, 0});
  for (;;) {
    const int ready = poll(waits.data(), waits.size(), /*timeout=*/-1);
    if (waits.front().revents != 0) return;
    int error = ready < 0 && errno != EINTR ? errno : 0;
    for (size_t i = 1; i < waits.size(); ++i) {
      if (waits[i].revents != 0 && !AcceptAll(waits[i].fd)) error = errno;
    }
    SetShortage(error);
    // Connections that wait are still there after the pause.
    if (error != 0 && poll(waits.data(), 1, kPauseMs) > 0) return;
  }
}

// Known before a connection is accepted, so none is closed for it.
bool Acceptor::HasFile(int listening) const {
  const int fd = fcntl(listening, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return false;
  close(fd);
  if (fd < descriptors_max_()) return true;
  errno = EMFILE;
  return false;
}

bool Acceptor::AcceptAll(int listening) const {
  for (;;) {
    if (!HasFile(listening)) return false;
    const int fd =
        accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      SetOptions(fd, unacknowledged_ms_);
      host_->OnAccepted(fd);
    } else if (errno == EAGAIN) {
      return true;
    } else if (IsShortage(errno)) {
      return false;
    }
    // Else the connection has failed before it was accepted: accept(2) has a
    // dozen errors that concern one connection only.
  }
}

void Acceptor::SetShortage(int error) {
  int before = 0;
  {
    contract::MutexLock lock(&mu_);
    before = std::exchange(shortage_, error);
  }
  if (error != 0) host_->OnShortage(error, /*is_first=*/before == 0);
  if (error == 0 && before != 0) host_->OnShortageOver();
}

}  // namespace herald::process
