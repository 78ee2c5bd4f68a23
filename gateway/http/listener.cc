// SPDX-License-Identifier: Apache-2.0

#include "gateway/http/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "gateway/http/http_session.h"
#include "proto/process/files.h"

namespace herald::gateway {
namespace {

constexpr absl::Duration kRest = absl::Milliseconds(100);

}  // namespace

absl::StatusOr<Listening> Listen(
    absl::string_view address,
    const std::vector<std::unique_ptr<EventLoop>>& loops) {
  absl::StatusOr<process::ListeningSockets> sockets =
      process::ListeningSockets::Listen(std::string(address),
                                        static_cast<int>(loops.size()));
  if (!sockets.ok()) return sockets.status();
  Listening result = {{}, *std::move(sockets)};
  const std::vector<int> descriptors = result.sockets.TakeDescriptors();
  for (size_t i = 0; i < descriptors.size(); ++i) {
    // A bound socket does not use its family any more.
    result.acceptors.emplace_back(loops[i % loops.size()]->context(),
                                  StreamProtocol(AF_UNSPEC, 0), descriptors[i]);
  }
  return result;
}

Listener::Listener(EventLoop* loop, StreamAcceptor acceptor)
    : loop_(loop), acceptor_(std::move(acceptor)) {}

void Listener::StartAccept() {
  acceptor_.async_accept([this](error_code ec, StreamSocket socket) {
    OnAcceptDone(ec, std::move(socket));
  });
}

void Listener::OnAcceptDone(error_code ec, StreamSocket socket) {
  if (ec == net::error::operation_aborted) return;
  if (ec && process::IsShortage(ec.value())) return Rest();
  if (ec) return StartAccept();
  // The kernel allocates the lowest free descriptor. Descriptors above the
  // bound are reserved: gRPC aborts the process if it has none left to dial
  // with.
  if (socket.native_handle() >= loop_->state().descriptors_max) {
    waiting_.emplace(std::move(socket));
    return Rest();
  }
  Serve(std::move(socket));
  StartAccept();
}

void Listener::Rest() {
  loop_->state().observer->OnAcceptError();
  loop_->shard().wheel().Set(this, loop_->shard().wheel().now() + kRest);
}

void Listener::OnTimer() {
  if (waiting_.has_value() && !ServeWaiting()) return Rest();
  StartAccept();
}

bool Listener::ServeWaiting() {
  const int fd = fcntl(waiting_->native_handle(), F_DUPFD_CLOEXEC, 0);
  if (fd >= loop_->state().descriptors_max) close(fd);
  if (fd < 0 || fd >= loop_->state().descriptors_max) return false;
  error_code ignored;
  const int kept = waiting_->release(ignored);
  if (kept >= 0) close(kept);
  waiting_.reset();
  Serve(StreamSocket(loop_->context(), StreamProtocol(AF_UNSPEC, 0), fd));
  return true;
}

void Listener::Serve(StreamSocket socket) {
  // Frames are already gathered, so Nagle's algorithm would only add delay.
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  StartHttpSession(loop_, std::move(socket));
}

}  // namespace herald::gateway
