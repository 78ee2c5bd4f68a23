// SPDX-License-Identifier: Apache-2.0
//
// The proxies that are trusted to name the client's address
// (BROADCAST_TRUSTED_PROXIES), and the address that they name.
//
// Threads: any; constant after construction.

#ifndef HERALD_GATEWAY_NET_TRUSTED_PROXIES_H_
#define HERALD_GATEWAY_NET_TRUSTED_PROXIES_H_

#include <array>
#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace herald::gateway {

class TrustedProxies {
 public:
  using Address = boost::asio::ip::address;

  // Trusts no proxy.
  TrustedProxies() = default;

  // Parses a list of `address`, `address/bits` (CIDR, IPv4 or IPv6), and `unix`
  // for peers on a unix socket. INVALID_ARGUMENT names the first invalid
  // element.
  static absl::StatusOr<TrustedProxies> Parse(
      const std::vector<std::string>& list);

  bool empty() const { return ranges_.empty() && !trusts_unix_; }

  // nullopt is a peer on a unix socket.
  bool Trusts(const std::optional<Address>& address) const;

  // The client of a connection from `peer`. `proxied` is the address in the
  // PROXY header; `forwarded_for` are the `X-Forwarded-For` fields, in order,
  // which count as one list. Returns the last of all these addresses that is
  // not a trusted proxy. If all of them are trusted, or one cannot be parsed,
  // returns the last address that was reached. nullopt is a unix socket without
  // a known address.
  std::optional<Address> ClientOf(
      const std::optional<Address>& peer, const std::optional<Address>& proxied,
      const std::vector<absl::string_view>& forwarded_for) const;

 private:
  // An IPv4 address is stored in its IPv6 form, ::ffff:a.b.c.d.
  struct Range {
    std::array<unsigned char, 16> start = {};
    int bits = 0;
  };

  static std::optional<Range> ParseRange(absl::string_view text);

  std::vector<Range> ranges_;
  bool trusts_unix_ = false;
};

// Converts an IPv4 address in IPv6 form back to IPv4.
boost::asio::ip::address Unmapped(const boost::asio::ip::address& address);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_TRUSTED_PROXIES_H_
