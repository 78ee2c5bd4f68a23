// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/websocket_session.h"

#include <algorithm>
#include <array>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <utility>

#include "gateway/core/socket.h"
#include "gateway/core/timer_wheel.h"
#include "gateway/net/outgoing_stream.h"
#include "gateway/net/random.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;

constexpr absl::Duration kCloseDeadline = absl::Seconds(5);
constexpr size_t kFirstBytes = 128;     // Most client messages fit.
constexpr size_t kMoreBytesMin = 2048;  // What a longer one asks for.
constexpr size_t kMoreBytesMax = 65536;
constexpr size_t kCloseTextMax = 123;  // RFC 6455 section 5.5.

// A server's ping without payload (RFC 6455 section 5.5.2).
Frame PingFrame() {
  static const auto bytes =
      std::make_shared<const std::string>(std::string("\x89\x00", 2));
  return Frame(bytes);
}

// What a close frame of Beast says about the client. The error of the read that
// found the mistake does not, for it may be the teardown's.
CloseReason ReasonOf(int code) {
  switch (code) {
    case websocket::close_code::protocol_error:
      return CloseReason::kProtocolError;
    case websocket::close_code::bad_payload:
      return CloseReason::kBadUtf8;
    case websocket::close_code::too_big:
      return CloseReason::kTooLarge;
    default:
      return CloseReason::kNormal;
  }
}

class WebsocketSession final
    : public Socket,
      private Timer,
      private OutgoingStream::Owner,
      public std::enable_shared_from_this<WebsocketSession> {
 public:
  WebsocketSession(EventLoop* loop, TcpSocket socket, ConnectionSlot slot)
      : loop_(loop),
        slot_(std::move(slot)),
        stream_(std::move(socket), loop->queue_bytes_counter()) {}

  void StartAccept(const HttpRequest& request, std::string connection);

  // Socket:
  bool Enqueue(const Frame& frame, size_t written) override;
  size_t WriteNow(absl::string_view bytes) override;
  void Flush() override { outgoing().Flush(); }
  void Ping() override;
  void Close(CloseReason why, absl::string_view text) override;
  void PauseReading() override;
  void ResumeReading() override;
  void SetMessageBytesMax(size_t bytes) override {
    stream_.read_message_max(bytes);
  }

 private:
  // Permessage-deflate is compiled out: a frame is encoded once for all.
  using Stream = websocket::stream<OutgoingStream, /*deflateSupported=*/false>;

  OutgoingStream& outgoing() { return stream_.next_layer(); }

  void OnAcceptDone(error_code ec, std::string connection);
  net::mutable_buffer Room();
  void StartRead();
  void OnReadDone(error_code ec, size_t bytes);
  void OnMessage();
  void OnControlFrame(websocket::frame_type type);
  void OnCloseDone();
  void OnCloseQueued(int code) override;
  void OnTimer() override;
  void SetDeadline();
  void FinishIfDone();

  // Constant after construction, but for what they do.
  EventLoop* const loop_;
  const ConnectionSlot slot_;
  Stream stream_;

  Session* session_ = nullptr;  // From the accept to the end.
  CloseReason reason_ = CloseReason::kNormal;
  bool reading_ = false;    // A read of Beast is under way.
  bool receiving_ = false;  // The shard looks at what was read.
  bool paused_ = false;
  bool closing_ = false;        // Close() was called.
  bool client_closes_ = false;  // Its close frame has come.
  bool close_op_ = false;       // A close of Beast is under way.

  // A message so far: read_bytes_ of them, in first_ or, if it is longer, in
  // message_.
  size_t read_bytes_ = 0;
  std::array<char, kFirstBytes> first_;
  std::string message_;
};

void WebsocketSession::StartAccept(const HttpRequest& request,
                                   std::string connection) {
  outgoing().SetOwner(
      std::shared_ptr<OutgoingStream::Owner>(shared_from_this(), this));
  stream_.set_option(
      websocket::stream_base::decorator([](websocket::response_type& response) {
        response.set(http::field::server, "herald");
      }));
  stream_.async_accept(
      request, [self = shared_from_this(),
                connection = std::move(connection)](error_code ec) mutable {
        self->OnAcceptDone(ec, std::move(connection));
      });
}

void WebsocketSession::OnAcceptDone(error_code ec, std::string connection) {
  outgoing().Uncork();
  if (ec) {
    loop_->state().observer->OnUpgradeRefused(UpgradeRefusal::kBadRequest);
    outgoing().Flush();
    error_code ignored;
    outgoing().next_layer().shutdown(tcp::socket::shutdown_send, ignored);
    return;
  }
  stream_.control_callback(
      [this](websocket::frame_type type, beast::string_view) {
        OnControlFrame(type);
      });
  // The number says which shard has the socket (Router::ShardOf()).
  const auto count = static_cast<uint64_t>(loop_->state().shard_count);
  uint64_t number = 0;
  while (number == 0) {
    number = RandomNumber() / count * count;
    number += static_cast<uint64_t>(loop_->index());
  }
  session_ = loop_->shard().Open(this, number, std::move(connection));
  StartRead();
}

net::mutable_buffer WebsocketSession::Room() {
  if (read_bytes_ == 0) return net::buffer(first_);
  if (message_.size() == read_bytes_) {
    message_.resize(read_bytes_ +
                    std::clamp(read_bytes_, kMoreBytesMin, kMoreBytesMax));
  }
  return net::buffer(message_) + read_bytes_;
}

void WebsocketSession::StartRead() {
  reading_ = true;
  stream_.async_read_some(
      Room(), [self = shared_from_this()](error_code ec, size_t bytes) {
        self->OnReadDone(ec, bytes);
      });
}

void WebsocketSession::OnReadDone(error_code ec, size_t bytes) {
  reading_ = false;
  if (ec || closing_) return FinishIfDone();
  if (stream_.got_binary()) return Close(CloseReason::kBinary, "");
  const bool whole = stream_.is_message_done();
  if (read_bytes_ == 0 && !whole) message_.assign(first_.data(), bytes);
  read_bytes_ += bytes;
  if (whole) {
    OnMessage();
  } else {
    loop_->shard().SignOfLife(session_);
  }
  if (closing_) return;
  if (paused_) return loop_->Hold(shared_from_this());
  StartRead();
}

void WebsocketSession::OnMessage() {
  const std::string longer = std::exchange(message_, {});
  const absl::string_view text(longer.empty() ? first_.data() : longer.data(),
                               std::exchange(read_bytes_, 0));
  receiving_ = true;
  loop_->shard().Receive(session_, text);
  receiving_ = false;
}

void WebsocketSession::OnControlFrame(websocket::frame_type type) {
  if (type == websocket::frame_type::close) client_closes_ = true;
  if (session_ == nullptr || closing_) return;
  loop_->shard().SignOfLife(session_);
}

void WebsocketSession::PauseReading() { paused_ = true; }

void WebsocketSession::ResumeReading() {
  paused_ = false;
  if (reading_ || receiving_ || closing_) return;
  StartRead();
  loop_->Release(shared_from_this());
}

// Beast may have begun to close by itself, and nothing follows a close frame:
// what comes then is dropped.
bool WebsocketSession::Enqueue(const Frame& frame, size_t written) {
  if (closing_ || !stream_.is_open()) return true;
  return outgoing().Push(frame, loop_->state().queue_bytes_max, written);
}

size_t WebsocketSession::WriteNow(absl::string_view bytes) {
  if (closing_ || !stream_.is_open()) return bytes.size();
  return outgoing().WriteNow(bytes);
}

void WebsocketSession::Ping() {
  if (closing_ || !stream_.is_open()) return;
  outgoing().PushUnbounded(PingFrame());
  outgoing().Flush();
}

void WebsocketSession::Close(CloseReason why, absl::string_view text) {
  if (closing_) return;
  closing_ = true;
  const CloseFrame frame = loop_->state().dialect->Close(why);
  if (why == CloseReason::kSlow) {
    loop_->state().observer->OnSlow(outgoing().Clear());
  }
  SetDeadline();
  // Beast has failed or closes by itself: the read that does so ends soon.
  if (!stream_.is_open()) return;
  reason_ = why;
  close_op_ = true;
  const absl::string_view shown =
      contract::CutUtf8(text.empty() ? frame.text : text, kCloseTextMax);
  stream_.async_close(
      websocket::close_reason(static_cast<websocket::close_code>(frame.code),
                              beast::string_view(shown.data(), shown.size())),
      [self = shared_from_this()](error_code) { self->OnCloseDone(); });
  loop_->Release(shared_from_this());
}

void WebsocketSession::OnCloseDone() {
  close_op_ = false;
  FinishIfDone();
}

void WebsocketSession::OnCloseQueued(int code) {
  SetDeadline();
  // Beast answers a client's close with the client's own code.
  if (!closing_ && !client_closes_) reason_ = ReasonOf(code);
}

void WebsocketSession::SetDeadline() {
  if (is_set()) return;
  TimerWheel& wheel = loop_->shard().wheel();
  wheel.Set(this, wheel.now() + kCloseDeadline);
}

void WebsocketSession::OnTimer() {
  // What is under way fails, and finishes the session.
  error_code ignored;
  outgoing().next_layer().close(ignored);
}

void WebsocketSession::FinishIfDone() {
  if (reading_ || close_op_ || session_ == nullptr) return;
  Cancel();
  error_code ignored;
  outgoing().next_layer().close(ignored);
  loop_->state().observer->OnWebsocketEnded(reason_);
  loop_->shard().Closed(std::exchange(session_, nullptr));
}

}  // namespace

void StartWebsocketSession(EventLoop* loop, TcpSocket socket,
                           const HttpRequest& request, ConnectionSlot slot,
                           std::string connection) {
  std::make_shared<WebsocketSession>(loop, std::move(socket), std::move(slot))
      ->StartAccept(request, std::move(connection));
}

}  // namespace herald::gateway
