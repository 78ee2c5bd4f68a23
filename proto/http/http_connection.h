// SPDX-License-Identifier: Apache-2.0
//
// The server's side of a connection of HTTP/1.1: reads one request after the
// other, checks it (http_rules.h), serves the pages for machines, and leaves
// the other paths to the class that derives. Lines may all end in a single LF,
// and later minor versions of HTTP/1 are served as HTTP/1.1.
//
//   /livez    200 for as long as the process runs
//   /readyz   200, perhaps with a warning, or 503 with the reason
//   /metrics  Prometheus text
//
// HEAD is answered as GET, without the body. OPTIONS too, with `Allow`, because
// balancers probe with it; so OPTIONS of `/` is answered as `/readyz`. Other
// methods get 405; a path that is not served gets 404 and the list of paths.
//
// Bound: a header has 16 KiB in 100 fields and, with its answer, 10 s. A
// request with a body is the last one of its connection; up to 64 KiB are read
// away for 1 s, so that the answer arrives.
//
// Threads: the one of its socket's io_context.
//
// Lifetime: the connection belongs to the operation that it waits for.

#ifndef HERALD_PROTO_HTTP_HTTP_CONNECTION_H_
#define HERALD_PROTO_HTTP_HTTP_CONNECTION_H_

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/http/http_rules.h"
#include "proto/http/stream_socket.h"

namespace herald::process {

// Threads: may be called from several threads at once.
struct HttpPages {
  // The body of /metrics. Empty: there is no such page here.
  std::function<std::string()> metrics;
  // Why /readyz is 503, as a sentence; empty if the process is ready.
  std::function<std::string()> not_ready;
  // A second line of /readyz while it is 200; empty if there is none. May be
  // null.
  std::function<std::string()> warning = nullptr;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Response = http::response<http::string_body>;

  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  virtual ~HttpConnection() = default;

  void Start() { StartRequest(); }

 protected:
  // Reads a prelude before the first request. Returns its size in bytes, kMore
  // if it is incomplete, or kBroken, which closes the connection.
  static constexpr int kMore = -1;
  static constexpr int kBroken = -2;

  // `pages` outlives the connection.
  HttpConnection(StreamSocket socket, const HttpPages* pages);

  // Whether Serve() answers for this path.
  virtual bool Serves(absl::string_view /*path*/) { return false; }
  // Ends in Send(), or takes the socket. The method is GET, HEAD or OPTIONS.
  virtual void Serve(absl::string_view /*path*/) {}
  // The paths of Serve(), each with ", " behind it.
  virtual std::string Paths() const { return ""; }
  virtual int ReadPrelude(absl::string_view /*bytes*/) { return 0; }
  // Calls Cut() in `time`, unless it is set anew.
  virtual void SetDeadline(absl::Duration time) = 0;

  // Ends the connection at once.
  void Cut();

  static Response Answer(http::status status, absl::string_view text);

  // Answers the request, once.
  void Send(Response response);
  // As Send(), and ends the connection.
  void SendLast(Response response);

  // Of the request that is served.
  const HttpRequest& request() const { return parser_->get(); }
  HttpRequest& request() { return parser_->get(); }
  bool has_body() const { return !parser_->is_done(); }
  // The bytes that were read after it.
  absl::string_view rest() const;

  StreamSocket& socket() { return socket_; }
  const StreamSocket& socket() const { return socket_; }

 private:
  using Parser = http::request_parser<http::empty_body>;

  void StartRequest();
  void ReadRequest();
  void StartReadMore();
  void OnReadDone(error_code ec, size_t bytes);
  void Parse(absl::string_view header);
  void Dispatch();
  bool ServePage(absl::string_view path);
  void ServeReadiness();
  void RefusePath();
  void Refuse(const HttpRefusal& refusal);
  void OnWriteDone(error_code ec);
  void StartDiscard();
  void OnDiscardDone(error_code ec, size_t bytes);

  // Constant after construction.
  const HttpPages* const pages_;

  StreamSocket socket_;
  beast::flat_buffer buffer_;
  HeaderScan scan_;  // Of the request's header, from the buffer's beginning.
  bool has_prelude_ = true;
  std::optional<Parser> parser_;
  std::optional<Response> response_;
  bool last_ = false;  // The answer ends the connection.
  size_t discarded_bytes_ = 0;
};

}  // namespace herald::process

#endif  // HERALD_PROTO_HTTP_HTTP_CONNECTION_H_
