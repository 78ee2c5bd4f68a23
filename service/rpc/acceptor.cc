// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/acceptor.h"

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
#include "proto/process/log.h"

namespace herald::rpc {
namespace {

using process::Log;
using process::LogLevel;

constexpr int kPauseMs = 100;

// Bytes that a peer does not acknowledge end the connection after this, as
// gRPC's listener has it with the keepalive of server.cc.
constexpr unsigned kUnacknowledgedMsMax = 3000;

// Whether one more descriptor can be given to a peer. Known before a connection
// is accepted, so none is closed for it.
bool HasFile(int listening) {
  const int fd = fcntl(listening, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return false;
  close(fd);
  if (fd < process::PeerDescriptorsMax()) return true;
  errno = EMFILE;
  return false;
}

bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

// Both fail on unix sockets, which need neither.
void SetOptions(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMsMax,
             sizeof(kUnacknowledgedMsMax));
}

}  // namespace

Acceptor::Acceptor(process::ListeningSockets sockets, Connections* connections,
                   absl::AnyInvocable<void(int fd)> take, Count* errors)
    : sockets_(std::move(sockets)),
      connections_(connections),
      errors_(errors),
      stop_(eventfd(0, EFD_CLOEXEC)),
      take_(std::move(take)),
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
                   " (the limit of open files is ", process::FilesMax(), ")"));
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
    // What waits is still there after the pause.
    if (error != 0 && poll(waits.data(), 1, kPauseMs) > 0) return;
  }
}

bool Acceptor::AcceptAll(int listening) const {
  for (;;) {
    if (!HasFile(listening)) return false;
    const int fd =
        accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && !connections_->Admit(fd)) {
      close(fd);
    } else if (fd >= 0) {
      SetOptions(fd);
      take_(fd);
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
  if (error != 0) Add(*errors_, 1);
  if (error != 0 && before == 0) {
    Log(LogLevel::kWarning, "accept failed",
        {{"why", std::strerror(error)}, {"files_max", process::FilesMax()}});
  }
  if (error == 0 && before != 0) Log(LogLevel::kInfo, "accept works again");
}

}  // namespace herald::rpc
