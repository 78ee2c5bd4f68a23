// SPDX-License-Identifier: Apache-2.0

#include "proto/http/http_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace herald::process {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(10);
constexpr absl::Duration kLinger = absl::Seconds(1);
constexpr size_t kHeaderBytesMax = 16 << 10;
constexpr size_t kReadBytes = 2048;              // Most requests fit.
constexpr size_t kDiscardedBytesMax = 64 << 10;  // After an answer.
constexpr char kAllow[] = "GET, HEAD, OPTIONS";

// The size of the empty line that `bytes` begin with; 0 if there is none.
size_t EmptyLineSize(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "\r\n")) return 2;
  return absl::StartsWith(bytes, "\n") ? 1 : 0;
}

// All that is looked at for a header, however much more one read has brought.
absl::string_view HeaderWithinBound(absl::string_view header) {
  return header.substr(0, kHeaderBytesMax);
}

}  // namespace

HttpConnection::HttpConnection(StreamSocket socket, const HttpPages* pages)
    : pages_(pages),
      socket_(std::move(socket)),
      buffer_(kHeaderBytesMax + kReadBytes) {
  buffer_.reserve(kReadBytes);
}

absl::string_view HttpConnection::rest() const {
  return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
}

void HttpConnection::StartRequest() {
  SetDeadline(kDeadline);
  ReadRequest();
}

// One read may bring several requests, so the bytes that were read are parsed
// first.
void HttpConnection::ReadRequest() {
  if (has_prelude_) {
    const int size = ReadPrelude(rest());
    if (size == kBroken) return Cut();
    if (size == kMore) return StartReadMore();
    has_prelude_ = false;
    buffer_.consume(static_cast<size_t>(size));
  }
  // Empty lines before a request are skipped (RFC 9112 section 2.2).
  while (const size_t size = EmptyLineSize(rest())) {
    buffer_.consume(size);
    scan_ = {};
  }
  const absl::string_view bytes = HeaderWithinBound(rest());
  // No method begins so: the client has mistaken the port, or speaks TLS.
  if (!bytes.empty() && bytes[0] != '\r' && !absl::ascii_isgraph(bytes[0])) {
    parser_.emplace();
    return Refuse({http::status::bad_request, "this is no HTTP request"});
  }
  const HeaderEnd end = FindHeaderEnd(bytes, &scan_);
  if (end.size > 0) return Parse(bytes.substr(0, end.size));
  if (end.is_broken) {
    parser_.emplace();
    return Refuse({http::status::bad_request,
                   "some header lines end in CRLF, and some do not"});
  }
  if (bytes.size() == kHeaderBytesMax) {
    parser_.emplace();
    return Refuse(RefusalOf(http::error::header_limit, bytes));
  }
  StartReadMore();
}

void HttpConnection::StartReadMore() {
  const size_t room = buffer_.max_size() - buffer_.size();
  if (room == 0) return Cut();  // A prelude without an end.
  socket_.async_read_some(
      buffer_.prepare(std::min(room, kReadBytes)),
      [self = shared_from_this()](error_code ec, size_t bytes) {
        self->OnReadDone(ec, bytes);
      });
}

void HttpConnection::OnReadDone(error_code ec, size_t bytes) {
  if (ec) return;  // The client has disconnected, or the deadline has passed.
  buffer_.commit(bytes);
  ReadRequest();
}

void HttpConnection::Parse(absl::string_view header) {
  scan_ = {};
  const std::optional<std::string> normalized = NormalizeHeader(header);
  const absl::string_view text =
      normalized.has_value() ? absl::string_view(*normalized) : header;
  parser_.emplace();
  parser_->header_limit(kHeaderBytesMax);
  error_code ec;
  parser_->put(net::buffer(text.data(), text.size()), ec);
  if (ec && ec != http::error::need_more) {
    parser_.emplace();  // No field that was parsed is used.
    return Refuse(RefusalOf(ec, HeaderWithinBound(text)));
  }
  if (!parser_->is_header_done()) {
    parser_.emplace();
    return Refuse({http::status::bad_request, "the header is malformed"});
  }
  std::optional<HttpRefusal> refusal = CheckRequest(text, request());
  buffer_.consume(header.size());
  if (refusal) return Refuse(*refusal);
  Dispatch();
}

void HttpConnection::Dispatch() {
  const std::optional<std::string> path = PathOf(View(request().target()));
  const http::verb method = request().method();
  if (method != http::verb::get && method != http::verb::head &&
      method != http::verb::options) {
    const bool known =
        path.has_value() &&
        (Serves(*path) || *path == "/livez" || *path == "/readyz" ||
         (*path == "/metrics" && pages_->metrics != nullptr));
    if (!known && method != http::verb::connect) return RefusePath();
    Response response = Answer(http::status::method_not_allowed, "use GET");
    response.set(http::field::allow, kAllow);
    return Send(std::move(response));
  }
  if (!path.has_value()) {
    return Refuse({http::status::bad_request, "the target is malformed"});
  }
  if (method == http::verb::options && *path == "*") {
    return Send(Answer(http::status::ok, ""));
  }
  // HAProxy's `option httpchk` asks so, unless it is given a path.
  if (method == http::verb::options && *path == "/") return ServeReadiness();
  if (ServePage(*path)) return;
  if (!Serves(*path)) return RefusePath();
  Serve(*path);
}

bool HttpConnection::ServePage(absl::string_view path) {
  if (path == "/livez") {
    Send(Answer(http::status::ok, "alive"));
  } else if (path == "/readyz") {
    ServeReadiness();
  } else if (path == "/metrics" && pages_->metrics != nullptr) {
    Response response = Answer(http::status::ok, "");
    response.body() = pages_->metrics();
    response.set(http::field::content_type,
                 "text/plain; version=0.0.4; charset=utf-8");
    Send(std::move(response));
  } else {
    return false;
  }
  return true;
}

void HttpConnection::ServeReadiness() {
  const std::string why_not = pages_->not_ready();
  if (!why_not.empty()) {
    return Send(Answer(http::status::service_unavailable, why_not));
  }
  const std::string warning =
      pages_->warning == nullptr ? "" : pages_->warning();
  Send(Answer(http::status::ok,
              absl::StrCat("ready", warning.empty() ? "" : "\n", warning)));
}

void HttpConnection::RefusePath() {
  Send(Answer(http::status::not_found,
              absl::StrCat("there is no such path; Herald serves here: ",
                           Paths(), "/livez, /readyz",
                           pages_->metrics == nullptr ? "" : ", /metrics")));
}

void HttpConnection::Refuse(const HttpRefusal& refusal) {
  SendLast(Answer(refusal.status, refusal.text));
}

HttpConnection::Response HttpConnection::Answer(http::status status,
                                                absl::string_view text) {
  Response response(status, 11);
  response.set(http::field::server, "herald");
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.set(http::field::cache_control, "no-store");
  response.body() = absl::StrCat(text, "\n");
  return response;
}

void HttpConnection::SendLast(Response response) {
  last_ = true;
  Send(std::move(response));
}

void HttpConnection::Send(Response response) {
  const HttpRequest& asked = parser_->get();
  // Bodies are not read, so a request that has one is the last.
  const bool stays = !last_ && parser_->is_done() && parser_->keep_alive();
  last_ = !stays;
  response.keep_alive(stays);
  // A client of HTTP/1.0 takes it for an end otherwise.
  if (stays && asked.version() < 11) {
    response.set(http::field::connection, "keep-alive");
  }
  response.prepare_payload();
  if (asked.method() == http::verb::options) {
    response.set(http::field::allow, kAllow);
  }
  // The length stays that of GET (RFC 9110 section 9.3.2).
  if (asked.method() == http::verb::head) response.body().clear();
  response_ = std::move(response);
  http::async_write(socket_, *response_,
                    [self = shared_from_this()](error_code ec, size_t) {
                      self->OnWriteDone(ec);
                    });
}

void HttpConnection::OnWriteDone(error_code ec) {
  if (ec) return;
  if (!last_) return StartRequest();
  // Closing a socket that has unread bytes resets the connection, and the
  // answer might be lost: read on for a little while.
  SetDeadline(kLinger);
  socket_.shutdown(net::socket_base::shutdown_send, ec);
  buffer_.clear();
  if (!ec) StartDiscard();
}

void HttpConnection::StartDiscard() {
  socket_.async_read_some(
      buffer_.prepare(kReadBytes),
      [self = shared_from_this()](error_code ec, size_t bytes) {
        self->OnDiscardDone(ec, bytes);
      });
}

void HttpConnection::OnDiscardDone(error_code ec, size_t bytes) {
  discarded_bytes_ += bytes;
  if (!ec && discarded_bytes_ < kDiscardedBytesMax) StartDiscard();
}

void HttpConnection::Cut() {
  error_code ignored;
  socket_.close(ignored);  // Pending operations fail, which ends the session.
}

}  // namespace herald::process
