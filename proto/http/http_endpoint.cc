// SPDX-License-Identifier: Apache-2.0

#include "proto/http/http_endpoint.h"

#include <sys/socket.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "proto/admission/fair_shares.h"
#include "proto/http/peer.h"
#include "proto/process/files.h"
#include "proto/process/listening_sockets.h"

namespace herald::process {
namespace {

using Clock = std::chrono::steady_clock;
using AsioTimer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>,
                                            net::io_context::executor_type>;

constexpr auto kRest = std::chrono::milliseconds(100);

// If a deadline runs this late, the whole process was paused.
constexpr auto kAway = std::chrono::milliseconds(500);

class EndpointConnection final : public HttpConnection,
                                 private admission::FairShares::Entry {
 public:
  EndpointConnection(StreamSocket socket, const HttpPages* pages,
                     admission::FairShares* shares)
      : HttpConnection(std::move(socket), pages),
        deadline_(this->socket().get_executor()) {
    shares->Add(this, PeerOf(this->socket().native_handle()).source(),
                /*weight=*/1);
  }

 private:
  void SetDeadline(absl::Duration time) override {
    deadline_.expires_after(absl::ToChronoNanoseconds(time));
    deadline_.async_wait([weak = weak_from_this()](error_code ec) {
      const auto self = weak.lock();
      if (!ec && self != nullptr) {
        static_cast<EndpointConnection*>(self.get())->OnDeadline();
      }
    });
  }

  void OnDeadline() {
    const Clock::duration late = Clock::now() - deadline_.expiry();
    // It may have been set anew after this handler was queued.
    if (late < Clock::duration::zero()) return;
    if (late < kAway) return Cut();
    // The process was paused, and bytes that arrived meanwhile are unread.
    SetDeadline(absl::FromChrono(kAway));
  }

  void OnEvicted() override { Cut(); }

  AsioTimer deadline_;
};

}  // namespace

class HttpEndpoint::Impl {
 public:
  Impl(ListeningSockets sockets, HttpPages pages)
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

  ~Impl() {
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
    if (ec && IsShortage(ec.value())) return StartRest();
    if (ec) return StartAccept(acceptor);
    const bool is_short = socket.native_handle() >= PeerDescriptorsMax();
    shares_.SetMax(is_short ? kConnectionsWhenShort : kConnectionsMax);
    std::make_shared<EndpointConnection>(std::move(socket), &pages_, &shares_)
        ->Start();
    // The newest stays, for the oldest of all would be a probe's.
    shares_.EvictIfFull();
    StartAccept(acceptor);
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
  admission::FairShares shares_{kConnectionsMax};
  net::io_context context_{/*concurrency_hint=*/1};
  AsioTimer rest_;
  std::vector<StreamAcceptor> acceptors_;

  std::thread thread_;
};

HttpEndpoint::HttpEndpoint(std::unique_ptr<Impl> server)
    : server_(std::move(server)) {}

HttpEndpoint::~HttpEndpoint() = default;

const std::string& HttpEndpoint::address() const { return server_->address(); }

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Listen(
    const std::string& address, HttpPages pages) {
  absl::StatusOr<ListeningSockets> sockets = ListeningSockets::Listen(address);
  if (!sockets.ok()) return sockets.status();
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(
      std::make_unique<Impl>(*std::move(sockets), std::move(pages))));
}

}  // namespace herald::process
