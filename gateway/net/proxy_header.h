// SPDX-License-Identifier: Apache-2.0
//
// The header of HAProxy's PROXY protocol, version 1 (text) and 2 (binary): the
// address that a proxy has accepted a connection from, before its first byte.
//
// Threads: any; a function without state.

#ifndef HERALD_GATEWAY_NET_PROXY_HEADER_H_
#define HERALD_GATEWAY_NET_PROXY_HEADER_H_

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace herald::gateway {

struct ProxyHeader {
  // With its addresses and TLVs, which are skipped.
  static constexpr size_t kBytesMax = 4096;

  enum class State { kMore, kWhole, kBroken };

  State state = State::kMore;
  // If it is whole:
  size_t bytes = 0;
  // The client. Nothing if the proxy speaks for itself (LOCAL), does not know
  // (UNKNOWN), or the client came over a unix socket.
  std::optional<boost::asio::ip::address> source;
};

// Reads the header that `bytes` begin with.
ProxyHeader ParseProxyHeader(absl::string_view bytes);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_PROXY_HEADER_H_
