// SPDX-License-Identifier: Apache-2.0
//
// The frames of a client. Promise: the reader reads as the model of
// frames_model.h does, wherever the network cuts the bytes, also if they came
// with the request, and whichever sockets the reader has served before; it is
// back in its pool whenever no message is open.

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/websocket/websocket_reader.h"
#include "proto/contract/require.h"
#include "tests/fuzz/frames_model.h"
#include "tests/fuzz/input.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using gateway::error_code;
using gateway::OutgoingStream;
using gateway::ReaderPool;
using gateway::StreamProtocol;
using gateway::StreamSocket;
using gateway::WebsocketReader;
namespace net = gateway::net;
namespace http = gateway::http;

// A socket of a gateway, which reads as a WebsocketSession does.
class ReadingSocket final : public WebsocketReader::Host {
 public:
  ReadingSocket(net::io_context* context, ReaderPool* pool,
                size_t message_bytes_max)
      : context_(context), pool_(pool), message_bytes_max_(message_bytes_max) {
    std::array<int, 2> ends;
    Require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
                         ends.data()) == 0);
    StreamSocket socket(*context);
    socket.assign(StreamProtocol(AF_UNIX, 0), ends[0]);
    outgoing_.emplace(std::move(socket), &queue_bytes_);
    peer_.emplace(*context, StreamProtocol(AF_UNIX, 0), ends[1]);
  }

  // The handshake, and bytes that came behind its request.
  void Accept(absl::string_view rest) {
    reader_ = std::make_unique<WebsocketReader>(context_->get_executor());
    reader_->Attach(this);
    gateway::HttpRequest request(http::verb::get, "/ws", 11);
    request.set(http::field::host, "localhost");
    request.set(http::field::connection, "upgrade");
    request.set(http::field::upgrade, "websocket");
    request.set(http::field::sec_websocket_version, "13");
    request.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
    Require(!reader_->Accept(request));
    Turn();
    read_.answers.clear();
    reader_->SetMessageBytesMax(message_bytes_max_);
    reader_->Unread(rest);
    reader_->StartRead();
    Turn();
  }

  // The next bytes have come.
  void Read(absl::string_view bytes) {
    while (!bytes.empty() && !is_closing()) {
      if (reader_ == nullptr) Borrow();
      Require(reader_->wants_bytes());
      const size_t size = std::min(bytes.size(), reader_->room().size());
      std::memcpy(reader_->room().data(), bytes.data(), size);
      bytes.remove_prefix(size);
      reader_->Feed({}, size);
      Turn();
    }
  }

  // The client has left, or has seen that the connection ends.
  ReadFrames End() {
    read_.between_messages = reader_ == nullptr;
    read_.closed = is_closing();
    if (read_.closed) {
      error_code ignored;
      peer_->close(ignored);
      Turn();
      // It waits for the client's close frame.
      if (!has_ended_ && reader_->wants_bytes()) {
        reader_->Feed(net::error::eof, 0);
        Turn();
      }
    } else if (reader_ != nullptr) {
      Require(reader_->in_message());
      reader_->Feed(net::error::eof, 0);
      Turn();
    }
    Require(has_ended_ == (reader_ != nullptr));
    return std::move(read_);
  }

 private:
  bool is_closing() const { return reader_ != nullptr && !reader_->is_open(); }

  // WebsocketReader::Host:
  OutgoingStream& outgoing() override { return *outgoing_; }
  void OnWantsBytes() override {
    if (reader_->has_unread()) {
      net::post(*context_, [this] { reader_->FeedUnread(); });
    } else if (reader_->idle()) {
      pool_->Put(std::move(reader_));
    }
  }
  void OnReadDone(error_code ec) override {
    Require(!has_ended_);
    if (ec) {
      has_ended_ = true;
      return;
    }
    if (reader_->is_message_done()) {
      if (reader_->ends_within_character()) {
        return reader_->StartClose(gateway::websocket::close_reason(
            gateway::websocket::close_code::bad_payload));
      }
      read_.events.push_back(absl::StrCat(
          reader_->got_binary() ? "binary " : "text ", reader_->text()));
      reader_->ClearText();
    }
    if (!is_closing()) reader_->StartRead();
  }
  void OnControlFrame(bool closes) override {
    read_.events.push_back(closes ? "close" : "control");
  }
  void OnFragments(int64_t /*count*/) override {}
  void OnCloseDone() override { has_ended_ = true; }
  void OnEvicted() override {}

  void Borrow() {
    reader_ = pool_->Take(context_->get_executor());
    reader_->Attach(this);
    reader_->SetMessageBytesMax(message_bytes_max_);
  }

  // Runs all work that is due; the client reads the bytes that have arrived.
  void Turn() {
    outgoing_->Flush();
    context_->restart();
    context_->poll();
    std::array<char, 4096> bytes;
    while (peer_->is_open()) {
      const ssize_t size =
          ::recv(peer_->native_handle(), bytes.data(), bytes.size(), 0);
      if (size <= 0) break;
      read_.answers.append(bytes.data(), static_cast<size_t>(size));
      outgoing_->Flush();
      context_->restart();
      context_->poll();
    }
  }

  net::io_context* const context_;
  ReaderPool* const pool_;
  const size_t message_bytes_max_;
  int64_t queue_bytes_ = 0;
  std::optional<StreamSocket> peer_;
  std::optional<OutgoingStream> outgoing_;
  std::unique_ptr<WebsocketReader> reader_;
  ReadFrames read_;
  bool has_ended_ = false;
};

void RequireSame(const ReadFrames& one, const ReadFrames& other) {
  Require(one.events == other.events);
  Require(one.answers == other.answers);
  Require(one.closed == other.closed);
  Require(one.between_messages == other.between_messages);
}

void Test(Input input) {
  constexpr size_t kBytesMax[] = {1 << 16, 5, 125, 126, 3000};
  const size_t message_bytes_max = input.Of(kBytesMax);
  std::array<size_t, 4> pieces;
  for (size_t& piece : pieces) piece = 1 + input.Byte();
  const absl::string_view bytes = input.Rest();
  const ReadFrames expected = ReadAllFrames(bytes, message_bytes_max);
  net::io_context context;
  ReaderPool pool;
  // Two sockets in turn, for they may share readers.
  ReadingSocket ada(&context, &pool, message_bytes_max);
  ReadingSocket bob(&context, &pool, message_bytes_max);
  size_t turn = 0;
  for (absl::string_view rest = bytes; !rest.empty(); ++turn) {
    const size_t size = std::min(rest.size(), pieces[turn % pieces.size()]);
    ada.Read(rest.substr(0, size));
    bob.Read(rest.substr(0, 1));
    bob.Read(rest.substr(1, size - 1));
    rest.remove_prefix(size);
  }
  RequireSame(ada.End(), expected);
  RequireSame(bob.End(), expected);
  ReadingSocket eve(&context, &pool, message_bytes_max);
  const size_t early = std::min(bytes.size(), 8 * pieces[0]);
  eve.Accept(bytes.substr(0, early));
  eve.Read(bytes.substr(early));
  RequireSame(eve.End(), expected);
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  herald::fuzz::Test({data, size});
  return 0;
}
