// SPDX-License-Identifier: Apache-2.0

#include "tests/support/websocket_client.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "boost/asio/connect.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/beast/core/buffers_to_string.hpp"
#include "boost/beast/core/flat_buffer.hpp"
#include "boost/beast/websocket.hpp"
#include "gtest/gtest.h"
#include "proto/contract/address.h"

namespace herald::testing_support {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;
using net::ip::tcp;

}  // namespace

struct Loop::Context {
  net::io_context io{1};
  net::executor_work_guard<net::io_context::executor_type> work =
      net::make_work_guard(io);
};

Loop::Loop() : context_(std::make_unique<Context>()) {}

Loop::~Loop() = default;

bool Loop::RunUntil(absl::FunctionRef<bool()> done, Milliseconds patience) {
  // `done` may depend on events outside of the loop, such as a process.
  constexpr Milliseconds kTurn(5);
  const Clock::time_point deadline = Clock::now() + patience;
  while (!done()) {
    const Clock::time_point now = Clock::now();
    if (now >= deadline) return false;
    context_->io.run_one_until(std::min(deadline, now + kTurn));
  }
  return true;
}

// Shared with its handlers, which may be called after the client is gone.
class WebSocketClient::Impl : public std::enable_shared_from_this<Impl> {
 public:
  enum class State { kConnecting, kRefused, kOpen, kClosed };

  explicit Impl(net::io_context* io) : socket_(*io) {}

  void StartConnect(const WebSocketOptions& options);
  void Write(std::string message, bool is_binary);
  void Close();
  void Drop();
  void StopReading() { reads_ = false; }
  void ResumeReading();

  State state() const { return state_; }
  int http_status() const { return static_cast<int>(response_.result_int()); }
  std::string HttpHeader(absl::string_view name) const {
    return std::string(response_[{name.data(), name.size()}]);
  }
  int close_code() const { return close_code_; }
  std::string close_reason() const {
    return std::string(socket_.reason().reason.c_str());
  }

  std::string socket_id;
  std::deque<std::string> frames;

 private:
  struct Message {
    std::string bytes;
    bool is_binary = false;
  };

  void OnConnectDone(error_code error);
  void OnHandshakeDone(error_code error);
  void StartRead();
  void OnReadDone(error_code error);
  void StartWrite();
  void OnWriteDone(error_code error);
  void End();

  websocket::stream<tcp::socket> socket_;
  WebSocketOptions options_;
  websocket::response_type response_;
  beast::flat_buffer buffer_;
  std::deque<Message> unsent_;
  State state_ = State::kConnecting;
  int close_code_ = 0;
  bool reads_ = true;
  bool is_reading_ = false;
};

void WebSocketClient::Impl::StartConnect(const WebSocketOptions& options) {
  options_ = options;
  const auto address = contract::SplitHostPort(options.address);
  if (!address.has_value()) {
    ADD_FAILURE() << "no address: " << options.address;
    return End();
  }
  tcp::socket& socket = socket_.next_layer();
  socket.open(tcp::v4());
  if (options.receive_buffer > 0) {
    socket.set_option(
        net::socket_base::receive_buffer_size(options.receive_buffer));
  }
  if (!options.source.empty()) {
    // The port is chosen at connect, so that it need only be free towards
    // this peer.
    const int on = 1;
    ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
                 &on, sizeof on);
    socket.bind({net::ip::make_address(options.source), 0});
  }
  socket.async_connect(
      {net::ip::make_address(address->host), address->port},
      [self = shared_from_this()](error_code e) { self->OnConnectDone(e); });
}

void WebSocketClient::Impl::OnConnectDone(error_code error) {
  if (error) return End();
  socket_.next_layer().set_option(tcp::no_delay(true));
  socket_.set_option(websocket::stream_base::decorator(
      [this](websocket::request_type& request) {
        for (const auto& [name, value] : options_.headers) {
          request.insert(name, value);
        }
      }));
  socket_.async_handshake(
      response_, options_.address, options_.path,
      [self = shared_from_this()](error_code e) { self->OnHandshakeDone(e); });
}

void WebSocketClient::Impl::OnHandshakeDone(error_code error) {
  if (error == websocket::error::upgrade_declined) {
    state_ = State::kRefused;
    return;
  }
  if (error) return End();
  state_ = State::kOpen;
  StartRead();
  if (!unsent_.empty()) StartWrite();
}

void WebSocketClient::Impl::StartRead() {
  if (!reads_ || is_reading_ || state_ != State::kOpen) return;
  is_reading_ = true;
  socket_.async_read(buffer_,
                     [self = shared_from_this()](error_code e, size_t) {
                       self->OnReadDone(e);
                     });
}

void WebSocketClient::Impl::OnReadDone(error_code error) {
  is_reading_ = false;
  if (error) return End();
  std::string text = beast::buffers_to_string(buffer_.data());
  buffer_.consume(buffer_.size());
  if (!socket_.got_text()) text = "(binary)";
  // The first frame names the connection; a test that expects something else
  // there does not find a socket_id.
  if (socket_id.empty()) socket_id = Frame(text).String("socket_id");
  frames.push_back(std::move(text));
  StartRead();
}

void WebSocketClient::Impl::ResumeReading() {
  reads_ = true;
  StartRead();
}

void WebSocketClient::Impl::Write(std::string message, bool is_binary) {
  unsent_.push_back({std::move(message), is_binary});
  if (unsent_.size() == 1 && state_ == State::kOpen) StartWrite();
}

void WebSocketClient::Impl::StartWrite() {
  socket_.binary(unsent_.front().is_binary);
  socket_.async_write(net::buffer(unsent_.front().bytes),
                      [self = shared_from_this()](error_code e, size_t) {
                        self->OnWriteDone(e);
                      });
}

void WebSocketClient::Impl::OnWriteDone(error_code error) {
  if (error) return;  // The read reports why, after all received frames.
  unsent_.pop_front();
  if (!unsent_.empty()) StartWrite();
}

void WebSocketClient::Impl::Close() {
  socket_.async_close(websocket::close_code::normal,
                      [self = shared_from_this()](error_code) {});
}

void WebSocketClient::Impl::Drop() {
  error_code ignored;
  socket_.next_layer().close(ignored);
}

void WebSocketClient::Impl::End() {
  state_ = State::kClosed;
  // After our own close the read fails with `closed` or `aborted`, at random;
  // the peer's close frame is decisive.
  const auto code = static_cast<int>(socket_.reason().code);
  close_code_ = code != websocket::close_code::none
                    ? code
                    : websocket::close_code::abnormal;
}

WebSocketClient::WebSocketClient(Loop* loop, WebSocketOptions options)
    : impl_(std::make_shared<Impl>(&loop->context_->io)), loop_(loop) {
  impl_->StartConnect(options);
}

WebSocketClient::~WebSocketClient() { impl_->Drop(); }

bool WebSocketClient::WaitForConnected() {
  using State = Impl::State;
  loop_->RunUntil([this] {
    return !impl_->frames.empty() || impl_->state() == State::kRefused ||
           impl_->state() == State::kClosed;
  });
  if (impl_->frames.empty()) {
    ADD_FAILURE() << "no connection; HTTP status " << impl_->http_status()
                  << ", close code " << impl_->close_code();
    return false;
  }
  const Frame first = Next();
  const std::string expected =
      absl::StrCat(R"({"type":"connected","socket_id":")", socket_id(), "\"}");
  EXPECT_EQ(first.text(), expected) << "the first frame is not `connected`";
  return first == expected;
}

int WebSocketClient::WaitForRefusal() {
  const bool refused = loop_->RunUntil(
      [this] { return impl_->state() != Impl::State::kConnecting; });
  if (!refused || impl_->state() != Impl::State::kRefused) {
    ADD_FAILURE() << "the upgrade was not refused";
    return 0;
  }
  return impl_->http_status();
}

int WebSocketClient::refusal() const {
  return impl_->state() == Impl::State::kRefused ? impl_->http_status() : 0;
}

std::string WebSocketClient::RefusalHeader(absl::string_view name) const {
  return refusal() == 0 ? "" : impl_->HttpHeader(name);
}

const std::string& WebSocketClient::socket_id() const {
  return impl_->socket_id;
}

bool WebSocketClient::open() const {
  return impl_->state() == Impl::State::kOpen;
}

bool WebSocketClient::ended() const {
  return impl_->state() == Impl::State::kRefused ||
         impl_->state() == Impl::State::kClosed;
}

void WebSocketClient::Send(absl::string_view text) {
  impl_->Write(std::string(text), false);
}

void WebSocketClient::SendBinary(absl::string_view bytes) {
  impl_->Write(std::string(bytes), true);
}

Frame WebSocketClient::Next() {
  loop_->RunUntil([this] {
    return !impl_->frames.empty() || impl_->state() == Impl::State::kClosed;
  });
  if (impl_->frames.empty()) {
    ADD_FAILURE() << "no frame for " << socket_id()
                  << (open() ? "" : "; the connection is closed");
    return Frame();
  }
  Frame frame(std::move(impl_->frames.front()));
  impl_->frames.pop_front();
  return frame;
}

size_t WebSocketClient::waiting() const { return impl_->frames.size(); }

Frame WebSocketClient::Subscribe(absl::string_view channel,
                                 absl::string_view auth) {
  AskToSubscribe(channel, auth);
  return Next();
}

void WebSocketClient::AskToSubscribe(absl::string_view channel,
                                     absl::string_view auth,
                                     absl::string_view channel_data) {
  std::string text =
      absl::StrCat(R"({"type":"subscribe","channel":)", JsonString(channel));
  if (!auth.empty()) absl::StrAppend(&text, R"(,"auth":)", JsonString(auth));
  if (!channel_data.empty()) {
    absl::StrAppend(&text, R"(,"channel_data":)", channel_data);
  }
  Send(text + "}");
}

Frame WebSocketClient::Unsubscribe(absl::string_view channel) {
  Send(absl::StrCat(R"({"type":"unsubscribe","channel":)", JsonString(channel),
                    "}"));
  return Next();
}

void WebSocketClient::Whisper(absl::string_view channel,
                              absl::string_view event, absl::string_view data) {
  Send(absl::StrCat(R"({"type":"whisper","channel":)", JsonString(channel),
                    R"(,"event":)", JsonString(event), R"(,"data":)", data,
                    "}"));
}

Frame WebSocketClient::Ping() {
  Send(R"({"type":"ping"})");
  return Next();
}

int WebSocketClient::WaitForClose(Milliseconds patience) {
  if (!loop_->RunUntil(
          [this] { return impl_->state() == Impl::State::kClosed; },
          patience)) {
    ADD_FAILURE() << "the connection was not closed";
  }
  return impl_->close_code();
}

std::string WebSocketClient::close_reason() const {
  return impl_->close_reason();
}

void WebSocketClient::Close() { impl_->Close(); }

void WebSocketClient::Drop() { impl_->Drop(); }

void WebSocketClient::StopReading() { impl_->StopReading(); }

void WebSocketClient::ResumeReading() { impl_->ResumeReading(); }

}  // namespace herald::testing_support
