// SPDX-License-Identifier: Apache-2.0
//
// One WebSocket of a client, on the loop of the round.
//
//   connection_ = Connection::Open(&loop, port, this);
//   connection_->Send(R"({"type":"ping"})");
//   connection_->Break();   // And no further call to the owner.
//
// Threads: the loop's.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_CONNECTION_H_
#define HERALD_TESTS_END_TO_END_CHAOS_CONNECTION_H_

#include <deque>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "boost/asio/ip/tcp.hpp"
#include "boost/beast/core/flat_buffer.hpp"
#include "boost/beast/websocket.hpp"
#include "tests/end_to_end/chaos/loop.h"

namespace herald::chaos {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // The receiver of its messages and of its end.
  class Owner {
   public:
    virtual ~Owner() = default;

    // A text message has arrived.
    virtual void OnText(absl::string_view text) = 0;

    // It has ended, and not by the owner's wish: `http_status` is that of a
    // refused upgrade, else 0; `close_code` is 1006 if there was no close
    // frame.
    struct End {
      bool was_open = false;
      int http_status = 0;
      int close_code = 0;
      std::string reason = {};
    };
    virtual void OnEnd(const End& end) = 0;
  };

  // Begins to connect to a gateway's port of 127.0.0.1. The owner must live
  // until OnEnd(), Close() or Break(). `receive_bytes` bounds the kernel's
  // buffer for it, so that a pause in reading soon has an effect; 0: the
  // kernel's default.
  static std::shared_ptr<Connection> Open(Loop* loop, int port, Owner* owner,
                                          int receive_bytes = 0);

  explicit Connection(Loop* loop) : socket_(loop->io()) {}

  // Sends a text message, when the connection is open.
  void Send(std::string text);

  // Reads nothing more, but for a message that is being read; until Resume().
  void Pause();
  void Resume();

  // Closes with a handshake, after all unsent messages; or resets the
  // connection. The owner receives no further call.
  void Close();
  void Break();

 private:
  using Error = boost::system::error_code;

  void OnConnectDone(Error error, const std::string& host);
  void OnHandshakeDone(Error error);
  void StartRead();
  void OnReadDone(Error error);
  void StartWrite();
  void OnWriteDone(Error error);
  void StartClose();
  void Report(Error error);

  boost::beast::websocket::stream<boost::asio::ip::tcp::socket> socket_;
  boost::beast::websocket::response_type response_;
  boost::beast::flat_buffer buffer_;
  std::deque<std::string> unsent_;
  Owner* owner_ = nullptr;
  bool is_open_ = false;
  bool closes_ = false;
  bool is_paused_ = false;
  bool is_reading_ = false;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_CONNECTION_H_
