// SPDX-License-Identifier: Apache-2.0
//
// The rules of RFC 9110 and RFC 9112 for requests that Beast's parser does not
// check, and the forms of a request's target.
//
// Threads: any; functions without state.

#ifndef HERALD_PROTO_HTTP_HTTP_RULES_H_
#define HERALD_PROTO_HTTP_HTTP_RULES_H_

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "proto/http/stream_socket.h"

namespace herald::process {

using HttpRequest = http::request<http::empty_body>;

inline absl::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

struct HttpRefusal {
  http::status status = http::status::bad_request;
  std::string text;
};

// The end of a header. All its lines end in CRLF, or all in a single LF without
// any CR, as a probe by `nc` may send them (RFC 9112 section 2.2). A header
// that mixes the two is broken: proxies end lines in CRLF, so a single LF may
// be one that a proxy took for a part of a value, with a forged field behind.
struct HeaderEnd {
  size_t size = 0;  // Bytes, with the empty line; 0 if that is not there yet.
  bool is_broken = false;
};

// How far a header was searched: its bytes may come one by one, and each is
// looked at once.
struct HeaderScan {
  size_t searched = 0;  // No line ends from `line` up to here.
  size_t line = 0;      // The beginning of the first line without an end.
  bool has_cr = false;  // The first line ends in CRLF.
};

// Finds the end of the header that begins with `bytes`.
//
// `scan` is that of the call before, whose `bytes` were the beginning of these.
HeaderEnd FindHeaderEnd(absl::string_view bytes, HeaderScan* scan);
inline HeaderEnd FindHeaderEnd(absl::string_view bytes) {
  HeaderScan scan;
  return FindHeaderEnd(bytes, &scan);
}

// The header as Beast takes it: lines end in CRLF, and HTTP/1.2 to HTTP/1.9 are
// HTTP/1.1, the highest minor version known here (RFC 9110 section 2.5).
// Nothing if `header` is such a text already. REQUIRES: `header` is whole and
// not broken.
std::optional<std::string> NormalizeHeader(absl::string_view header);

// Why the request is refused, or nothing:
//
//   400  a folded header line (RFC 9112 section 5.2), a `Host` that is missing,
//        repeated or malformed (section 3.2), a transfer coding that is not
//        `chunked` or comes with HTTP/1.0 (section 6)
//   417  an `Expect` that is not `100-continue` (RFC 9110 section 10.1.1)
//   431  more than 100 fields (RFC 6585 section 5)
//   501  a method that is not known (section 9.1)
//
// `header` is the text that `request` was parsed from, normalized.
std::optional<HttpRefusal> CheckRequest(absl::string_view header,
                                        const HttpRequest& request);

// Why a header that Beast does not parse is refused: 414 if the request line is
// too long, 431 if the rest is, 505 for another version, else 400.
HttpRefusal RefusalOf(const error_code& ec, absl::string_view header);

// The path of a target in origin or absolute form (RFC 9112 section 3.2),
// without its query, percent-decoded; `*` for the asterisk form. Nothing if it
// has no such form.
std::optional<std::string> PathOf(absl::string_view target);

}  // namespace herald::process

#endif  // HERALD_PROTO_HTTP_HTTP_RULES_H_
