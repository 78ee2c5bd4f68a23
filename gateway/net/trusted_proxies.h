// SPDX-License-Identifier: Apache-2.0
//
// Which proxies are believed when they name the client's address
// (BROADCAST_TRUSTED_PROXIES), and what they say it is.
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

  // None is trusted.
  TrustedProxies() = default;

  // From a list of `address`, `address/bits` (CIDR, IPv4 or IPv6), and `unix`
  // for peers on a unix socket. INVALID_ARGUMENT names the first that is none.
  static absl::StatusOr<TrustedProxies> Parse(
      const std::vector<std::string>& list);

  bool empty() const { return ranges_.empty() && !trusts_unix_; }

  // Nothing stands for a peer on a unix socket.
  bool Trusts(const std::optional<Address>& address) const;

  // The client of a connection from `peer`, for which the PROXY protocol names
  // `proxied`, with these `X-Forwarded-For` fields, in order, as one list: of
  // all these addresses the last one that is not a trusted proxy's. If all are,
  // or one cannot be read, it is the last that was reached. Nothing is a unix
  // socket of which no address is known.
  std::optional<Address> ClientOf(
      const std::optional<Address>& peer, const std::optional<Address>& proxied,
      const std::vector<absl::string_view>& forwarded_for) const;

 private:
  // An IPv4 address stands in its IPv6 form, ::ffff:a.b.c.d.
  struct Range {
    std::array<unsigned char, 16> start = {};
    int bits = 0;
  };

  static std::optional<Range> ParseRange(absl::string_view text);

  std::vector<Range> ranges_;
  bool trusts_unix_ = false;
};

// An IPv4 address that came in IPv6 form is shown as what it is.
boost::asio::ip::address Unmapped(const boost::asio::ip::address& address);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_TRUSTED_PROXIES_H_
