// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/http_session.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/core/connect_rate.h"
#include "gateway/core/connection_facts.h"
#include "gateway/core/timer_wheel.h"
#include "gateway/net/random.h"
#include "gateway/net/websocket_session.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(10);
constexpr absl::Duration kLinger = absl::Seconds(1);
// When to come back to a gateway that is full or about to stop.
constexpr absl::Duration kComeBackAfter = absl::Seconds(5);
constexpr uint32_t kHeaderBytesMax = 16 << 10;
constexpr size_t kFirstReadBytes = 2048;         // Most requests fit.
constexpr size_t kDiscardedBytesMax = 64 << 10;  // After an answer.
constexpr absl::string_view kText = "text/plain; charset=utf-8";

absl::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

// HTTP allows any byte above 0x7F in a value, a protobuf string only UTF-8:
// what is not UTF-8 is taken for the Latin-1 that HTTP once was.
std::string Utf8(absl::string_view text) {
  if (contract::IsUtf8(text)) return std::string(text);
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      result.push_back(c);
    } else {
      result.push_back(static_cast<char>(0xC0 | (byte >> 6)));
      result.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
    }
  }
  return result;
}

// The same clock for all loops.
absl::Duration Uptime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// From 0 to 1, and never 1.
double RandomFraction() {
  constexpr int kBits = 53;  // Of a double.
  return std::ldexp(static_cast<double>(RandomNumber() >> (63 - kBits)),
                    -kBits);
}

std::string RemoteAddress(const TcpSocket& socket) {
  error_code ec;
  net::ip::address address = socket.remote_endpoint(ec).address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6());
  }
  return ec ? "" : address.to_string();
}

// What the authorizer is told of the connection.
ConnectionFacts FactsOf(const TcpSocket& socket, const HttpRequest& request,
                        HeaderPool* pool) {
  HeaderPool::Builder facts(RemoteAddress(socket));
  for (const auto& field : request) {
    const absl::string_view name = View(field.name_string());
    if (absl::StartsWithIgnoreCase(name, "sec-websocket-")) continue;
    facts.AddHeader(name, Utf8(View(field.value())));
  }
  return pool->Make(std::move(facts));
}

class HttpSession final : public Timer,
                          public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(EventLoop* loop, TcpSocket socket)
      : loop_(loop), socket_(std::move(socket)) {
    buffer_.reserve(kFirstReadBytes);
  }

  void StartRead();

 private:
  using Parser = http::request_parser<http::empty_body>;
  using Response = http::response<http::string_body>;

  void OnReadDone(error_code ec);
  void Serve();
  void ServeUpgrade();
  void ServeReadiness();
  void Refuse(UpgradeRefusal why, Response response);
  // With 503, and a time after which to come back.
  void SendAway(UpgradeRefusal why, absl::string_view text,
                absl::Duration come_back_after);
  static Response Answer(http::status status, absl::string_view text);
  void StartWrite(Response response);
  void OnWriteDone(error_code ec);
  void StartDiscard();
  void OnDiscardDone(error_code ec, size_t bytes);
  void OnTimer() override;

  EventLoop* const loop_;
  TcpSocket socket_;
  beast::flat_buffer buffer_{kHeaderBytesMax + kFirstReadBytes};
  std::optional<Parser> parser_;
  std::optional<Response> response_;
  bool last_ = false;  // The answer ends the connection.
  size_t discarded_bytes_ = 0;
};

void HttpSession::StartRead() {
  TimerWheel& wheel = loop_->shard().wheel();
  wheel.Set(this, wheel.now() + kDeadline);
  parser_.emplace();
  parser_->header_limit(kHeaderBytesMax);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](error_code ec, size_t) {
                            self->OnReadDone(ec);
                          });
}

void HttpSession::OnTimer() {
  error_code ignored;
  socket_.close(ignored);  // What is under way fails, and the session goes.
}

void HttpSession::OnReadDone(error_code ec) {
  if (!ec) return Serve();
  const bool bad_request =
      ec.category() == http::make_error_code(http::error::bad_value).category();
  if (!bad_request || ec == http::error::end_of_stream ||
      ec == http::error::partial_message) {
    return;  // The client has left.
  }
  parser_.emplace();  // Nothing of what was read is used.
  const bool too_large =
      ec == http::error::header_limit || ec == http::error::buffer_overflow;
  StartWrite(too_large ? Answer(http::status::request_header_fields_too_large,
                                absl::StrCat("at most ", kHeaderBytesMax,
                                             " bytes of header are read"))
                       : Answer(http::status::bad_request, ec.message()));
}

void HttpSession::Serve() {
  const HttpRequest& request = parser_->get();
  const absl::string_view target = View(request.target());
  const absl::string_view path = target.substr(0, target.find('?'));
  if (path != "/ws" && path != "/livez" && path != "/readyz" &&
      path != "/metrics") {
    return StartWrite(Answer(http::status::not_found, "there is no such path"));
  }
  if (request.method() != http::verb::get) {
    Response response = Answer(http::status::method_not_allowed, "use GET");
    response.set(http::field::allow, "GET");
    return StartWrite(std::move(response));
  }
  if (path == "/ws") return ServeUpgrade();
  if (path == "/readyz") return ServeReadiness();
  if (path == "/livez") return StartWrite(Answer(http::status::ok, "alive"));
  Response response = Answer(http::status::ok, "");
  response.body() = loop_->state().metrics_text();
  response.set(http::field::content_type,
               "text/plain; version=0.0.4; charset=utf-8");
  StartWrite(std::move(response));
}

void HttpSession::ServeReadiness() {
  const std::string why_not = loop_->state().not_ready();
  StartWrite(why_not.empty()
                 ? Answer(http::status::ok, "ready")
                 : Answer(http::status::service_unavailable, why_not));
}

void HttpSession::ServeUpgrade() {
  GatewayState& state = loop_->state();
  const HttpRequest& request = parser_->get();
  if (state.draining) {
    return SendAway(UpgradeRefusal::kDraining, "the gateway is shutting down",
                    kComeBackAfter);
  }
  if (!websocket::is_upgrade(request)) {
    Response response =
        Answer(http::status::upgrade_required, "this is a WebSocket endpoint");
    response.set(http::field::upgrade, "websocket");
    return Refuse(UpgradeRefusal::kBadRequest, std::move(response));
  }
  if (!parser_->is_done() || buffer_.size() > 0) {
    return Refuse(UpgradeRefusal::kBadRequest,
                  Answer(http::status::bad_request,
                         "nothing may follow an upgrade before its answer"));
  }
  const auto origin = request.find(http::field::origin);
  if (origin != request.end() && !state.origins.Allow(View(origin->value()))) {
    return Refuse(UpgradeRefusal::kOrigin,
                  Answer(http::status::forbidden, "the origin is not allowed"));
  }
  ConnectionSlot slot = ConnectionSlot::Take(&state);
  if (!slot.valid()) {
    return SendAway(UpgradeRefusal::kFull,
                    "the gateway has all the connections it may have",
                    kComeBackAfter);
  }
  // Last, so that only who would get in takes a turn.
  const absl::Duration wait = state.connect_rate.Take(Uptime());
  if (wait > absl::ZeroDuration()) {
    return SendAway(UpgradeRefusal::kOverrun, "too many connect at once", wait);
  }
  Cancel();
  ConnectionFacts facts = FactsOf(socket_, request, &loop_->shard().headers());
  StartWebsocketSession(loop_, std::move(socket_), request, std::move(slot),
                        std::move(facts));
}

void HttpSession::Refuse(UpgradeRefusal why, Response response) {
  loop_->state().observer->OnUpgradeRefused(why);
  last_ = true;  // Nobody has another request for a WebSocket's connection.
  StartWrite(std::move(response));
}

void HttpSession::SendAway(UpgradeRefusal why, absl::string_view text,
                           absl::Duration come_back_after) {
  Response response = Answer(http::status::service_unavailable, text);
  response.set(
      http::field::retry_after,
      std::to_string(RetryAfterSeconds(come_back_after, RandomFraction())));
  Refuse(why, std::move(response));
}

HttpSession::Response HttpSession::Answer(http::status status,
                                          absl::string_view text) {
  Response response(status, 11);
  response.set(http::field::server, "herald");
  response.set(http::field::content_type,
               beast::string_view(kText.data(), kText.size()));
  response.body() = absl::StrCat(text, "\n");
  return response;
}

void HttpSession::StartWrite(Response response) {
  // Bodies are not read, so a request that has one is the last.
  response.keep_alive(!last_ && parser_->is_done() && parser_->keep_alive());
  response.prepare_payload();
  response_ = std::move(response);
  http::async_write(socket_, *response_,
                    [self = shared_from_this()](error_code ec, size_t) {
                      self->OnWriteDone(ec);
                    });
}

void HttpSession::OnWriteDone(error_code ec) {
  if (ec) return;
  if (response_->keep_alive()) return StartRead();
  // Closing a socket that has unread bytes resets the connection, and the
  // answer might be lost: read on for a little while.
  TimerWheel& wheel = loop_->shard().wheel();
  wheel.Set(this, wheel.now() + kLinger);
  socket_.shutdown(tcp::socket::shutdown_send, ec);
  buffer_.clear();
  if (!ec) StartDiscard();
}

void HttpSession::StartDiscard() {
  socket_.async_read_some(
      buffer_.prepare(kFirstReadBytes),
      [self = shared_from_this()](error_code ec, size_t bytes) {
        self->OnDiscardDone(ec, bytes);
      });
}

void HttpSession::OnDiscardDone(error_code ec, size_t bytes) {
  discarded_bytes_ += bytes;
  if (!ec && discarded_bytes_ < kDiscardedBytesMax) StartDiscard();
}

}  // namespace

void StartHttpSession(EventLoop* loop, TcpSocket socket) {
  std::make_shared<HttpSession>(loop, std::move(socket))->StartRead();
}

}  // namespace herald::gateway
