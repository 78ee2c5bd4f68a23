// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/listener.h"

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/net/http_session.h"
#include "proto/contract/settings.h"

namespace herald::gateway {
namespace {

constexpr absl::Duration kRest = absl::Milliseconds(100);

absl::StatusOr<tcp::endpoint> Resolve(net::io_context& context,
                                      absl::string_view address) {
  const std::optional<contract::HostPort> parts =
      contract::SplitHostPort(address);
  if (!parts) return absl::InvalidArgumentError("it is not host:port");
  error_code ec;
  tcp::resolver resolver(context);
  const auto results = resolver.resolve(
      parts->host, std::to_string(parts->port), tcp::resolver::passive, ec);
  if (ec || results.empty()) {
    return absl::NotFoundError(
        absl::StrCat("the host is not known: ", ec.message()));
  }
  return results.begin()->endpoint();
}

std::string Show(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6()
             ? absl::StrCat("[", host, "]:", endpoint.port())
             : absl::StrCat(host, ":", endpoint.port());
}

absl::Status SharePort(TcpAcceptor& acceptor) {
  const int on = 1;
  if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on,
                   sizeof(on)) == 0) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, "SO_REUSEPORT");
}

absl::Status Unavailable(const error_code& ec) {
  return absl::UnavailableError(ec.message());
}

}  // namespace

absl::StatusOr<Listening> Listen(
    absl::string_view address,
    const std::vector<std::unique_ptr<EventLoop>>& loops) {
  Listening result;
  absl::StatusOr<tcp::endpoint> endpoint =
      Resolve(loops.front()->context(), address);
  if (!endpoint.ok()) return endpoint.status();
  error_code ec;
  for (const std::unique_ptr<EventLoop>& loop : loops) {
    TcpAcceptor acceptor(loop->context());
    acceptor.open(endpoint->protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (ec) return Unavailable(ec);
    // The first one binds without sharing, so that a port which somebody else
    // has, even one who shares it, is an error; then it shares with our own.
    const bool first = result.acceptors.empty();
    if (!first) {
      if (absl::Status shared = SharePort(acceptor); !shared.ok()) {
        return shared;
      }
    }
    acceptor.bind(*endpoint, ec);
    if (ec) return Unavailable(ec);
    if (first) {
      if (absl::Status shared = SharePort(acceptor); !shared.ok()) {
        return shared;
      }
      *endpoint = acceptor.local_endpoint(ec);
    }
    result.acceptors.push_back(std::move(acceptor));
  }
  for (TcpAcceptor& acceptor : result.acceptors) {
    acceptor.listen(net::socket_base::max_listen_connections, ec);
    if (ec) return Unavailable(ec);
  }
  result.address = Show(*endpoint);
  return result;
}

Listener::Listener(EventLoop* loop, TcpAcceptor acceptor)
    : loop_(loop), acceptor_(std::move(acceptor)) {}

void Listener::StartAccept() {
  acceptor_.async_accept([this](error_code ec, TcpSocket socket) {
    OnAcceptDone(ec, std::move(socket));
  });
}

void Listener::OnAcceptDone(error_code ec, TcpSocket socket) {
  if (ec == net::error::operation_aborted) return;
  // The system hands out the lowest descriptor that is free. The rest is kept:
  // gRPC aborts the process if there is none to dial with.
  if (ec || socket.native_handle() >= loop_->state().descriptors_max) {
    loop_->state().observer->OnAcceptError();
    loop_->shard().wheel().Set(this, loop_->shard().wheel().now() + kRest);
    return;
  }
  // Frames are gathered before they are written; the kernel need not wait.
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  StartHttpSession(loop_, std::move(socket));
  StartAccept();
}

}  // namespace herald::gateway
