// SPDX-License-Identifier: Apache-2.0
//
// The forms of a target, and which requests are refused.

#include "proto/http/http_rules.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::process {
namespace {

std::string Path(absl::string_view target) {
  return PathOf(target).value_or("none");
}

TEST(ATarget, HasAPathInOriginAndAbsoluteForm) {
  EXPECT_EQ(Path("/ws"), "/ws");
  EXPECT_EQ(Path("/ws?token=%2F#"), "none");
  EXPECT_EQ(Path("/ws?token=%2F&x=/"), "/ws");
  EXPECT_EQ(Path("http://a.example/ws?x"), "/ws");
  EXPECT_EQ(Path("WSS://a.example:8080/ws"), "/ws");
  EXPECT_EQ(Path("http://a.example"), "/");
  EXPECT_EQ(Path("http://a.example?x=/ws"), "/");
  EXPECT_EQ(Path("*"), "*");
  EXPECT_EQ(Path("ftp://a.example/ws"), "none");
  EXPECT_EQ(Path("http:///ws"), "none");
  EXPECT_EQ(Path("a.example:443"), "none");
  EXPECT_EQ(Path("ws"), "none");
}

TEST(APath, IsDecoded) {
  EXPECT_EQ(Path("/%77%73"), "/ws");
  EXPECT_EQ(Path("/w%7a%7A"), "/wzz");
  EXPECT_EQ(Path("/w%"), "none");
  EXPECT_EQ(Path("/w%7"), "none");
  EXPECT_EQ(Path("/w%zz"), "none");
  EXPECT_EQ(Path("/w%00"), "none");
}

size_t SizeOfHeader(absl::string_view bytes) {
  return FindHeaderEnd(bytes).size;
}

TEST(AHeader, EndsWithAnEmptyLine) {
  EXPECT_EQ(SizeOfHeader("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"), 27u);
  EXPECT_EQ(SizeOfHeader("GET / HTTP/1.1\nHost: a\n\nGET\r\n"), 24u);
  for (const char* text : {"", "GET", "GET\r", "GET\r\n", "GET\r\n\r", "GET\n",
                           "GET\nHost: a\n"}) {
    EXPECT_EQ(SizeOfHeader(text), 0u) << text;
    EXPECT_FALSE(FindHeaderEnd(text).is_broken) << text;
  }
}

// RFC 9112 section 2.2 allows a single LF, but not to guess.
TEST(AHeader, HasLinesThatAllEndAlike) {
  for (const char* text :
       {"GET\r\n\n", "GET\r\nX: a\nY: b", "GET\n\r\n", "GET\nX: a\r\n",
        "GET\nX: a\rb\n", "GET\r\nX: a\n\r\n"}) {
    EXPECT_TRUE(FindHeaderEnd(text).is_broken) << text;
    EXPECT_EQ(SizeOfHeader(text), 0u) << text;
  }
}

std::string Normalized(absl::string_view header) {
  return NormalizeHeader(header).value_or("as it is");
}

TEST(AHeader, IsNormalizedForBeast) {
  EXPECT_EQ(Normalized("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "as it is");
  EXPECT_EQ(Normalized("GET / HTTP/1.0\n\n"), "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(Normalized("GET / HTTP/1.9\nHost: a\n\n"),
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

// RFC 9110 section 2.5.
TEST(AHeader, OfALaterMinorVersionIsTakenForHttp11) {
  EXPECT_EQ(Normalized("GET / HTTP/1.2\r\nX: HTTP/1.3\r\n\r\n"),
            "GET / HTTP/1.1\r\nX: HTTP/1.3\r\n\r\n");
  for (const char* version :
       {"HTTP/1.0", "HTTP/2.0", "HTTP/1.10", "HTTP/1.x", "http/1.2", ""}) {
    EXPECT_EQ(Normalized(absl::StrCat("GET / ", version, "\r\n\r\n")),
              "as it is")
        << version;
  }
}

// The status with which a request is refused; 0: it is not.
int StatusOf(const std::string& text) {
  http::request_parser<http::empty_body> parser;
  error_code ec;
  parser.put(net::buffer(text), ec);
  if (ec && ec != http::error::need_more) {
    return static_cast<int>(RefusalOf(ec, text).status);
  }
  const auto refusal = CheckRequest(text, parser.get());
  return refusal ? static_cast<int>(refusal->status) : 0;
}

int StatusWith(absl::string_view headers) {
  return StatusOf(
      absl::StrCat("GET / HTTP/1.1\r\nHost: a\r\n", headers, "\r\n"));
}

TEST(ARequest, HasAHundredFieldsAtMost) {
  std::string fields;
  for (int i = 1; i < 100; ++i) absl::StrAppend(&fields, "X-", i, ": 1\r\n");
  EXPECT_EQ(StatusWith(fields), 0);
  EXPECT_EQ(StatusWith(fields + "X: 1\r\n"), 431);
  EXPECT_EQ(StatusWith(fields + "X-1: 1\r\n"), 431) << "the same name";
}

int StatusOfHost(absl::string_view host) {
  return StatusOf(absl::StrCat("GET / HTTP/1.1\r\nHost: ", host, "\r\n\r\n"));
}

TEST(ARequest, NeedsOneHost) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(StatusWith(""), 0);
  EXPECT_EQ(StatusWith("Host: a\r\n"), 400);
  for (const char* host : {"", "a.example:8080", "[::1]", "[::1]:80", "a_b:"}) {
    EXPECT_EQ(StatusOfHost(host), 0) << host;
  }
  for (const char* host : {"a b", "a/b", "a@b", "a:b", "a:1:2", "[::1", "[]",
                           "[::1]x", "http://a", "a:123456"}) {
    EXPECT_EQ(StatusOfHost(host), 400) << host;
  }
}

TEST(ARequest, HasNoCodingButChunked) {
  EXPECT_EQ(StatusWith("Transfer-Encoding: chunked\r\n"), 0);
  EXPECT_EQ(StatusWith("Transfer-Encoding: Chunked\r\n"), 0);
  for (const char* coding :
       {"gzip", "gzip, chunked", "chunked, gzip", "xchunked", ""}) {
    EXPECT_EQ(StatusWith(absl::StrCat("Transfer-Encoding: ", coding, "\r\n")),
              400)
        << coding;
  }
  EXPECT_EQ(StatusWith("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
            400);
  EXPECT_EQ(StatusWith("Content-Length: 1\r\nContent-Length: 2\r\n"), 400);
  EXPECT_EQ(StatusWith("Content-Length: -1\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            400);
}

TEST(ARequest, IsRefusedWithTheRightStatus) {
  EXPECT_EQ(StatusWith("Expect: 100-continue\r\n"), 0);
  EXPECT_EQ(StatusWith("Expect: a-miracle\r\n"), 417);
  EXPECT_EQ(StatusWith("X: a\r\n b\r\n"), 400);
  EXPECT_EQ(StatusWith("X: a\r\n\tb\r\n"), 400);
  EXPECT_EQ(StatusWith("X : a\r\n"), 400);
  EXPECT_EQ(StatusOf("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(StatusOf("get / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(StatusOf("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(StatusOf("GET / HTTP/x\r\nHost: a\r\n\r\n"), 400);
}

TEST(AHeaderThatIsTooLarge, DiffersFromATargetThatIs) {
  EXPECT_EQ(RefusalOf(http::error::header_limit, "GET /xx").status,
            http::status::uri_too_long);
  EXPECT_EQ(
      RefusalOf(http::error::header_limit, "GET / HTTP/1.1\r\nX: ").status,
      http::status::request_header_fields_too_large);
}

// One byte at a time, each line is looked at once: the answer is that of the
// whole header.
TEST(AHeaderInPieces, EndsWhereTheWholeOneDoes) {
  for (const std::string& header :
       {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\nmore"),
        std::string("GET / HTTP/1.1\nHost: a\n\nmore"),
        std::string("GET / HTTP/1.1\r\nHost: a\n\r\n"),
        std::string("GET / HTTP/1.1\nHost: a\r\n\n"),
        std::string("GET / HTTP/1.1\r\nHost")}) {
    const HeaderEnd whole = FindHeaderEnd(header);
    HeaderScan scan;
    HeaderEnd end;
    for (size_t bytes = 1;
         bytes <= header.size() && end.size == 0 && !end.is_broken; ++bytes) {
      end = FindHeaderEnd(header.substr(0, bytes), &scan);
    }
    EXPECT_EQ(end.size, whole.size) << header;
    EXPECT_EQ(end.is_broken, whole.is_broken) << header;
  }
}

}  // namespace
}  // namespace herald::process
