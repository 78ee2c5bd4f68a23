// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/proxy.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <utility>

#include "boost/asio/buffer.hpp"
#include "boost/asio/write.hpp"

namespace herald::chaos {
namespace {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

tcp::endpoint LocalEndpoint(int port) {
  return {net::ip::address_v4::loopback(), static_cast<uint16_t>(port)};
}

void Reset(tcp::socket* socket) {
  error_code ignored;
  socket->set_option(net::socket_base::linger(true, 0), ignored);
  socket->close(ignored);
}

}  // namespace

// One connection and its other side.
class Proxy::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket near, bool is_frozen)
      : far_(near.get_executor()),
        near_(std::move(near)),
        is_frozen_(is_frozen) {}

  void Start(const tcp::endpoint& target) {
    far_.async_connect(target, [self = shared_from_this()](error_code error) {
      if (error) return self->End();
      self->StartHalf(&self->up_);
      self->StartHalf(&self->down_);
    });
  }

  void End() {
    has_ended_ = true;
    Reset(&near_);
    Reset(&far_);
  }
  bool has_ended() const { return has_ended_; }

  void Freeze() { is_frozen_ = true; }

  void Thaw() {
    is_frozen_ = false;
    for (Half* half : {&up_, &down_}) {
      if (std::exchange(half->waits, false)) Write(half);
    }
  }

 private:
  struct Half {
    tcp::socket* from;
    tcp::socket* to;
    std::array<char, 65536> buffer = {};
    size_t size = 0;
    bool waits = false;  // It holds something, and the network stands still.
  };

  void StartHalf(Half* half) {
    error_code ignored;
    half->to->set_option(tcp::no_delay(true), ignored);
    Read(half);
  }

  void Read(Half* half) {
    half->from->async_read_some(
        net::buffer(half->buffer),
        [self = shared_from_this(), half](error_code error, size_t size) {
          if (error) return self->End();
          half->size = size;
          half->waits = self->is_frozen_;
          if (!half->waits) self->Write(half);
        });
  }

  void Write(Half* half) {
    net::async_write(
        *half->to, net::buffer(half->buffer, half->size),
        [self = shared_from_this(), half](error_code error, size_t /*size*/) {
          if (error) return self->End();
          self->Read(half);
        });
  }

  tcp::socket far_;
  tcp::socket near_;
  Half up_{&near_, &far_};
  Half down_{&far_, &near_};
  bool is_frozen_;
  bool has_ended_ = false;
};

Proxy::Proxy(Loop* loop, int port, int target)
    : loop_(loop),
      target_(LocalEndpoint(target)),
      acceptor_(loop->io(), LocalEndpoint(port)) {
  StartAccept();
}

Proxy::~Proxy() { Cut(true); }

void Proxy::StartAccept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error == net::error::operation_aborted) return;
    if (error) {
      std::cerr << "a proxy could not accept: " << error.message() << "\n";
    } else if (refuses_) {
      Reset(&socket);
    } else {
      const auto session =
          std::make_shared<Session>(std::move(socket), is_frozen_);
      std::erase_if(sessions_,
                    [](const auto& one) { return one->has_ended(); });
      sessions_.push_back(session);
      session->Start(target_);
    }
    StartAccept();
  });
}

void Proxy::Cut(bool refuse) {
  refuses_ = refuse;
  for (const auto& session : std::exchange(sessions_, {})) session->End();
}

void Proxy::Freeze() {
  is_frozen_ = true;
  for (const auto& session : sessions_) session->Freeze();
}

void Proxy::Open() {
  refuses_ = false;
  is_frozen_ = false;
  for (const auto& session : sessions_) session->Thaw();
}

}  // namespace herald::chaos
