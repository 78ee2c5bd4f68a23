// SPDX-License-Identifier: Apache-2.0
//
// Requests of HTTP clients, and upgrades. Promise: where the network cuts the
// bytes changes no answer, and not where the frames of a WebSocket begin; an
// answer is HTTP; an upgrade that passes the checks is one that Beast accepts;
// a path has been decoded.

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/http/upgrade_request.h"
#include "gateway/websocket/websocket_reader.h"
#include "proto/contract/require.h"
#include "proto/http/http_connection.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/refusal.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using process::HttpConnection;
using process::StreamProtocol;
using process::StreamSocket;
namespace http = process::http;
namespace net = process::net;

struct Answers {
  std::string bytes;                // All that the client received.
  std::optional<size_t> frames_at;  // Where its frames begin, if it upgraded.
};

// Serves upgrades as a gateway does, without the parts that need one.
class TestConnection final : public HttpConnection {
 public:
  TestConnection(StreamSocket socket, const process::HttpPages* pages,
                 std::optional<size_t>* unread)
      : HttpConnection(std::move(socket), pages), unread_(unread) {}

 private:
  bool Serves(absl::string_view path) override {
    Require(absl::StartsWith(path, "/") &&
            !absl::StrContains(path, absl::string_view("\0", 1)));
    return path == "/ws";
  }
  void Serve(absl::string_view /*path*/) override {
    if (request().method() != http::verb::get) {
      return Send(Answer(http::status::ok, ""));
    }
    if (const auto refusal = gateway::CheckUpgrade(request())) {
      RequirePrintable(refusal->text);
      Require(refusal->status == http::status::bad_request ||
              refusal->status == http::status::upgrade_required);
      return SendLast(Answer(refusal->status, refusal->text));
    }
    if (has_body()) return SendLast(Answer(http::status::bad_request, "body"));
    gateway::NormalizeUpgrade(&request());
    gateway::WebsocketReader reader(socket().get_executor());
    Require(!reader.Accept(request()));
    *unread_ = rest().size() + socket().available();
    Cut();
  }
  std::string Paths() const override { return "/ws, "; }
  void SetDeadline(absl::Duration /*time*/) override {}

  std::optional<size_t>* const unread_;
};

// Sends `bytes` in pieces of that size.
Answers Ask(absl::string_view bytes, size_t piece_bytes) {
  const process::HttpPages pages = {[] { return "metric 1\n"; },
                                    [] { return ""; }};
  net::io_context context;
  std::array<int, 2> ends;
  Require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) ==
          0);
  StreamSocket socket(context, StreamProtocol(AF_UNIX, 0), ends[0]);
  StreamSocket peer(context, StreamProtocol(AF_UNIX, 0), ends[1]);
  std::optional<size_t> unread;
  std::make_shared<TestConnection>(std::move(socket), &pages, &unread)->Start();
  Answers answers;
  for (size_t sent = 0; sent < bytes.size() && !unread.has_value();) {
    const absl::string_view piece = bytes.substr(sent, piece_bytes);
    // Fails if the connection has ended.
    if (::send(ends[1], piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;
    sent += piece.size();
    context.restart();
    context.poll();
    std::array<char, 4096> answer;
    ssize_t size = 0;
    while ((size = ::recv(ends[1], answer.data(), answer.size(), 0)) > 0) {
      answers.bytes.append(answer.data(), static_cast<size_t>(size));
    }
    if (unread.has_value()) answers.frames_at = sent - *unread;
  }
  peer.close();
  context.restart();
  context.poll();
  return answers;
}

// The end of a header does not depend on the bytes behind it.
void TestHeader(absl::string_view bytes) {
  constexpr size_t kCutsMax = 300;
  const process::HeaderEnd end = process::FindHeaderEnd(bytes);
  Require(end.size <= bytes.size() && (end.size == 0 || !end.is_broken));
  for (size_t cut = 0; cut < std::min(kCutsMax, bytes.size()); ++cut) {
    const process::HeaderEnd part =
        process::FindHeaderEnd(bytes.substr(0, cut));
    if (part.size == 0 && !part.is_broken) continue;
    Require(part.size == end.size && part.is_broken == end.is_broken);
  }
  if (end.size == 0) return;
  const absl::string_view header = bytes.substr(0, end.size);
  const std::optional<std::string> normalized =
      process::NormalizeHeader(header);
  if (!normalized.has_value()) return;
  Require(process::FindHeaderEnd(*normalized).size == normalized->size());
  Require(!process::NormalizeHeader(*normalized).has_value());
}

void Test(Input input) {
  const size_t piece = 1 + static_cast<size_t>(input.Byte());
  const absl::string_view bytes = input.Rest();
  TestHeader(bytes);
  const Answers whole = Ask(bytes, bytes.size());
  Require(whole.bytes.empty() || absl::StartsWith(whole.bytes, "HTTP/1.1 "));
  for (const size_t size : {size_t{1}, piece}) {
    const Answers pieces = Ask(bytes, size);
    Require(pieces.bytes == whole.bytes);
    Require(pieces.frames_at == whole.frames_at);
  }
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  herald::fuzz::Test({data, size});
  return 0;
}
