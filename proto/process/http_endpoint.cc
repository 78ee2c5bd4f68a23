// SPDX-License-Identifier: Apache-2.0

#include "proto/process/http_endpoint.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/process/files.h"
#include "proto/process/listening_sockets.h"

namespace herald::process {
namespace {

using Clock = std::chrono::steady_clock;
using Timer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>,
                                        net::io_context::executor_type>;

constexpr auto kRest = std::chrono::milliseconds(100);

// The address of a peer, without its port; empty on a unix socket.
std::string SourceOf(const StreamSocket& socket) {
  error_code ec;
  const StreamProtocol::endpoint peer = socket.remote_endpoint(ec);
  if (ec) return "";
  sockaddr_in6 v6 = {};
  sockaddr_in v4 = {};
  if (peer.protocol().family() == AF_INET && peer.size() >= sizeof(v4)) {
    std::memcpy(&v4, peer.data(), sizeof(v4));
    return {reinterpret_cast<const char*>(&v4.sin_addr), sizeof(v4.sin_addr)};
  }
  if (peer.protocol().family() == AF_INET6 && peer.size() >= sizeof(v6)) {
    std::memcpy(&v6, peer.data(), sizeof(v6));
    return {reinterpret_cast<const char*>(&v6.sin6_addr), sizeof(v6.sin6_addr)};
  }
  return "";
}

class Connection;
// In the order in which they were accepted.
using Connections = std::list<Connection*>;

class Connection final : public HttpConnection {
 public:
  Connection(StreamSocket socket, const HttpPages* pages,
             Connections* connections)
      : HttpConnection(std::move(socket), pages),
        deadline_(this->socket().get_executor()),
        source_(SourceOf(this->socket())),
        connections_(connections),
        place_(connections->insert(connections->end(), this)) {}
  ~Connection() override { connections_->erase(place_); }

  const std::string& source() const { return source_; }
  bool has_ended() const { return ended_; }
  void End() {
    ended_ = true;
    Cut();
  }

 private:
  void SetDeadline(absl::Duration time) override {
    deadline_.expires_after(absl::ToChronoNanoseconds(time));
    deadline_.async_wait([weak = weak_from_this()](error_code ec) {
      const auto self = weak.lock();
      if (!ec && self != nullptr) {
        static_cast<Connection*>(self.get())->OnDeadline();
      }
    });
  }

  void OnDeadline() {
    // It may have been set anew after this handler was queued.
    if (deadline_.expiry() <= Clock::now()) Cut();
  }

  Timer deadline_;
  const std::string source_;
  bool ended_ = false;
  Connections* const connections_;
  const Connections::iterator place_;
};

}  // namespace

class HttpEndpoint::Server {
 public:
  Server(ListeningSockets sockets, HttpPages pages)
      : pages_(std::move(pages)),
        sockets_(std::move(sockets)),
        rest_(context_) {
    for (const int descriptor : sockets_.TakeDescriptors()) {
      // The family is of no account to a socket that is bound.
      acceptors_.emplace_back(context_, StreamProtocol(AF_UNSPEC, 0),
                              descriptor);
    }
    for (StreamAcceptor& acceptor : acceptors_) StartAccept(&acceptor);
    thread_ = std::thread([this] { context_.run(); });
  }

  ~Server() {
    context_.stop();
    thread_.join();
  }

  const std::string& address() const { return sockets_.address(); }

 private:
  void StartAccept(StreamAcceptor* acceptor) {
    acceptor->async_accept(
        [this, acceptor](error_code ec, StreamSocket socket) {
          OnAcceptDone(acceptor, ec, std::move(socket));
        });
  }

  void OnAcceptDone(StreamAcceptor* acceptor, error_code ec,
                    StreamSocket socket) {
    if (ec == net::error::operation_aborted) return;
    if (ec) return StartRest();
    const bool is_short = socket.native_handle() >= PeerDescriptorsMax();
    MakeRoom(is_short ? kConnectionsWhenShort : kConnectionsMax);
    std::make_shared<Connection>(std::move(socket), &pages_, &connections_)
        ->Start();
    StartAccept(acceptor);
  }

  // For one more of at most `max`. The oldest of all would be a probe's.
  void MakeRoom(size_t max) {
    absl::flat_hash_map<absl::string_view, size_t> counts;
    size_t open = 0;
    for (const Connection* one : connections_) {
      if (one->has_ended()) continue;
      ++counts[one->source()];
      ++open;
    }
    for (; open >= max; --open) EndOldestOfMost(&counts);
  }

  void EndOldestOfMost(absl::flat_hash_map<absl::string_view, size_t>* counts) {
    Connection* victim = nullptr;
    for (Connection* one : connections_) {
      if (one->has_ended()) continue;
      if (victim == nullptr ||
          counts->at(one->source()) > counts->at(victim->source())) {
        victim = one;
      }
    }
    if (victim == nullptr) return;
    --counts->at(victim->source());
    victim->End();
  }

  // All acceptors rest, for they lack the same.
  void StartRest() {
    for (StreamAcceptor& acceptor : acceptors_) {
      error_code ignored;
      acceptor.cancel(ignored);
    }
    rest_.expires_after(kRest);
    rest_.async_wait([this](error_code ec) {
      if (ec) return;
      for (StreamAcceptor& acceptor : acceptors_) StartAccept(&acceptor);
    });
  }

  const HttpPages pages_;
  ListeningSockets sockets_;

  // The thread's. The context is destroyed first: its handlers own the
  // connections.
  Connections connections_;
  net::io_context context_{/*concurrency_hint=*/1};
  Timer rest_;
  std::vector<StreamAcceptor> acceptors_;

  std::thread thread_;
};

HttpEndpoint::HttpEndpoint(std::unique_ptr<Server> server)
    : server_(std::move(server)) {}

HttpEndpoint::~HttpEndpoint() = default;

const std::string& HttpEndpoint::address() const { return server_->address(); }

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Listen(
    const std::string& address, HttpPages pages) {
  absl::StatusOr<ListeningSockets> sockets = ListeningSockets::Listen(address);
  if (!sockets.ok()) return sockets.status();
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(
      std::make_unique<Server>(*std::move(sockets), std::move(pages))));
}

}  // namespace herald::process
