// SPDX-License-Identifier: Apache-2.0

#include "proto/http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace herald::process {
namespace {

in6_addr Mapped(const in_addr& v4) {
  in6_addr out = {};
  out.s6_addr[10] = out.s6_addr[11] = 0xFF;
  std::memcpy(out.s6_addr + 12, &v4, sizeof(v4));
  return out;
}

PeerAddress Make(const in6_addr& address, uint32_t port) {
  PeerAddress peer;
  peer.address = {reinterpret_cast<const char*>(address.s6_addr),
                  sizeof(address.s6_addr)};
  peer.name = absl::StrCat(peer.address, ":", port);
  return peer;
}

}  // namespace

PeerAddress ParsePeer(absl::string_view text) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos ||
      !absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 0xFFFF) {
    return {};
  }
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "ipv4:")) {
    in_addr v4 = {};
    if (inet_pton(AF_INET, std::string(host).c_str(), &v4) != 1) return {};
    return Make(Mapped(v4), port);
  }
  if (!absl::ConsumePrefix(&host, "ipv6:")) return {};
  if (!absl::ConsumePrefix(&host, "%5B")) absl::ConsumePrefix(&host, "[");
  host = host.substr(0, host.find_first_of("%]"));
  in6_addr v6 = {};
  if (inet_pton(AF_INET6, std::string(host).c_str(), &v6) != 1) return {};
  return Make(v6, port);
}

PeerAddress PeerOf(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return {};
  }
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    return Make(Mapped(v4.sin_addr), ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    return Make(v6.sin6_addr, ntohs(v6.sin6_port));
  }
  return {};
}

std::string AddressText(absl::string_view address) {
  char text[INET6_ADDRSTRLEN] = "unix";
  if (!address.empty()) {
    inet_ntop(AF_INET6, address.data(), text, sizeof(text));
  }
  return std::string(absl::StripPrefix(text, "::ffff:"));
}

}  // namespace herald::process
