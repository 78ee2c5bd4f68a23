// SPDX-License-Identifier: Apache-2.0
//
// The header of HAProxy's PROXY protocol, version 1 (text) and 2 (binary). It
// names the address from which a proxy accepted a connection, before the first
// byte of that connection.
//
// Threads: any; a function without state.

#ifndef HERALD_GATEWAY_HTTP_PROXY_HEADER_H_
#define HERALD_GATEWAY_HTTP_PROXY_HEADER_H_

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace herald::gateway {

struct ProxyHeader {
  // Including its addresses and TLVs, which are skipped.
  static constexpr size_t kBytesMax = 4096;

  enum class State { kMore, kWhole, kBroken };

  State state = State::kMore;
  // Valid if the state is kWhole:
  size_t bytes = 0;
  // The client. Empty if the proxy connects for itself (LOCAL), does not know
  // the client (UNKNOWN), or the client came over a unix socket.
  std::optional<boost::asio::ip::address> source;
};

// Reads the header at the start of `bytes`.
ProxyHeader ParseProxyHeader(absl::string_view bytes);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_HTTP_PROXY_HEADER_H_
