// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/connection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "boost/asio/buffer.hpp"

namespace herald::chaos {
namespace {

namespace net = boost::asio;
namespace websocket = boost::beast::websocket;
using net::ip::tcp;

}  // namespace

std::shared_ptr<Connection> Connection::Open(Loop* loop, int port, Owner* owner,
                                             int receive_bytes) {
  auto connection = std::make_shared<Connection>(loop);
  connection->owner_ = owner;
  const tcp::endpoint gateway(net::ip::address_v4::loopback(),
                              static_cast<uint16_t>(port));
  if (receive_bytes > 0) {
    Error ignored;
    tcp::socket& socket = connection->socket_.next_layer();
    socket.open(tcp::v4(), ignored);
    socket.set_option(net::socket_base::receive_buffer_size(receive_bytes),
                      ignored);
  }
  connection->socket_.next_layer().async_connect(
      gateway, [connection, port](Error error) {
        connection->OnConnectDone(error, absl::StrCat("127.0.0.1:", port));
      });
  return connection;
}

void Connection::OnConnectDone(Error error, const std::string& host) {
  if (error) return Report(error);
  Error ignored;
  socket_.next_layer().set_option(tcp::no_delay(true), ignored);
  socket_.async_handshake(
      response_, host, "/ws",
      [self = shared_from_this()](Error e) { self->OnHandshakeDone(e); });
}

void Connection::OnHandshakeDone(Error error) {
  if (error) return Report(error);
  is_open_ = true;
  StartRead();
  if (!unsent_.empty()) StartWrite();
}

void Connection::StartRead() {
  if (is_paused_) return;
  is_reading_ = true;
  socket_.async_read(buffer_, [self = shared_from_this()](Error e, size_t) {
    self->OnReadDone(e);
  });
}

void Connection::OnReadDone(Error error) {
  is_reading_ = false;
  if (error) return Report(error);
  if (owner_ != nullptr) {
    const auto bytes = buffer_.cdata();
    owner_->OnText({static_cast<const char*>(bytes.data()), bytes.size()});
  }
  buffer_.clear();
  StartRead();
}

void Connection::Pause() { is_paused_ = true; }

void Connection::Resume() {
  is_paused_ = false;
  if (is_open_ && !is_reading_) StartRead();
}

void Connection::Send(std::string text) {
  unsent_.push_back(std::move(text));
  if (unsent_.size() == 1 && is_open_) StartWrite();
}

void Connection::StartWrite() {
  socket_.async_write(
      net::buffer(unsent_.front()),
      [self = shared_from_this()](Error e, size_t) { self->OnWriteDone(e); });
}

void Connection::OnWriteDone(Error error) {
  if (error) return;  // The read reports why.
  unsent_.pop_front();
  if (!unsent_.empty()) return StartWrite();
  if (closes_) StartClose();
}

void Connection::Close() {
  owner_ = nullptr;
  if (!is_open_) return Break();
  closes_ = true;
  if (unsent_.empty()) StartClose();
}

void Connection::StartClose() {
  socket_.async_close(websocket::close_code::normal,
                      [self = shared_from_this()](Error) {});
}

void Connection::Break() {
  owner_ = nullptr;
  Error ignored;
  socket_.next_layer().set_option(net::socket_base::linger(true, 0), ignored);
  socket_.next_layer().close(ignored);
}

void Connection::Report(Error error) {
  if (owner_ == nullptr) return;
  Owner* const owner = std::exchange(owner_, nullptr);
  Owner::End end;
  end.was_open = is_open_;
  if (error == websocket::error::upgrade_declined) {
    end.http_status = static_cast<int>(response_.result_int());
  }
  const auto code = static_cast<int>(socket_.reason().code);
  end.close_code = code == websocket::close_code::none
                       ? websocket::close_code::abnormal
                       : code;
  end.reason = socket_.reason().reason.c_str();
  is_open_ = false;
  Break();
  owner->OnEnd(end);
}

}  // namespace herald::chaos
