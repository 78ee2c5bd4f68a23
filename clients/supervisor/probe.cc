// SPDX-License-Identifier: Apache-2.0

#include "clients/supervisor/probe.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/contract/address.h"

namespace herald::supervisor {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace net = boost::asio;

constexpr int kPatienceMs = 1000;

// A connected socket that waits no longer than kPatienceMs, or -1.
int Connect(int family, const sockaddr* address, socklen_t size) {
  const int socket =
      ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return -1;
  bool connected = connect(socket, address, size) == 0;
  if (!connected && errno == EINPROGRESS) {
    pollfd poll = {socket, POLLOUT, 0};
    int error = 0;
    socklen_t error_size = sizeof(error);
    connected =
        ::poll(&poll, 1, kPatienceMs) == 1 &&
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 &&
        error == 0;
  }
  if (connected) return socket;
  close(socket);
  return -1;
}

int DialUnix(absl::string_view path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return -1;
  memcpy(address.sun_path, path.data(), path.size());
  return Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address));
}

int Dial(absl::string_view address) {
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, "unix:")) return DialUnix(path);
  const auto parts = contract::SplitHostPort(DialAddress(address));
  if (!parts.has_value()) return -1;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(parts->host.c_str(), absl::StrCat(parts->port).c_str(),
                  &hints, &found) != 0) {
    return -1;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found,
                                                             freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const int socket =
        Connect(each->ai_family, each->ai_addr, each->ai_addrlen);
    if (socket >= 0) return socket;
  }
  return -1;
}

}  // namespace

std::string DialAddress(absl::string_view address) {
  const auto parts = contract::SplitHostPort(address);
  if (!parts.has_value()) return std::string(address);
  if (!parts->host.empty() && parts->host != "0.0.0.0" && parts->host != "::") {
    return std::string(address);
  }
  return absl::StrCat("127.0.0.1:", parts->port);
}

bool Accepts(absl::string_view address) {
  const int socket = Dial(address);
  if (socket >= 0) close(socket);
  return socket >= 0;
}

bool IsReady(absl::string_view address) {
  const int socket = Dial(address);
  if (socket < 0) return false;
  net::io_context context(1);
  beast::basic_stream<net::generic::stream_protocol> stream(context);
  const bool is_unix = absl::StartsWith(address, "unix:");
  stream.socket().assign({is_unix ? AF_UNIX : AF_INET, 0}, socket);
  stream.expires_after(std::chrono::milliseconds(kPatienceMs));
  http::request<http::empty_body> request(http::verb::get, "/readyz", 11);
  request.set(http::field::host, "localhost");
  http::response<http::string_body> response;
  beast::flat_buffer buffer;
  bool ready = false;
  http::async_write(stream, request, [&](beast::error_code ec, size_t) {
    if (ec) return;
    http::async_read(stream, buffer, response,
                     [&](beast::error_code failed, size_t) {
                       ready = !failed && response.result() == http::status::ok;
                     });
  });
  context.run();
  return ready;
}

}  // namespace herald::supervisor
