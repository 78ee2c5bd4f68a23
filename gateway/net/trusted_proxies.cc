// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/trusted_proxies.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace herald::gateway {
namespace {

namespace ip = boost::asio::ip;
using Address = TrustedProxies::Address;

constexpr int kV6Bits = 128;
constexpr int kMappedBits = 96;

std::array<unsigned char, 16> BytesOf(const Address& address) {
  return address.is_v6()
             ? address.to_v6().to_bytes()
             : ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

std::optional<Address> ParseAddress(absl::string_view text) {
  boost::system::error_code ec;
  const Address address = ip::make_address(std::string(text), ec);
  return ec ? std::nullopt : std::optional<Address>(Unmapped(address));
}

// An element of X-Forwarded-For: an address with an optional port. IPv6
// addresses may stand in brackets.
std::optional<Address> ParseElement(absl::string_view text) {
  if (absl::StartsWith(text, "[")) {
    return ParseAddress(
        text.substr(1, std::min(text.find(']'), text.size()) - 1));
  }
  if (std::count(text.begin(), text.end(), ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  return ParseAddress(text);
}

bool Matches(const std::array<unsigned char, 16>& a,
             const std::array<unsigned char, 16>& b, int bits) {
  const auto whole = static_cast<size_t>(bits / 8);
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const int left = bits % 8;
  return left == 0 || (a[whole] ^ b[whole]) >> (8 - left) == 0;
}

}  // namespace

Address Unmapped(const Address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

std::optional<TrustedProxies::Range> TrustedProxies::ParseRange(
    absl::string_view text) {
  const size_t slash = text.find('/');
  boost::system::error_code ec;
  const Address address =
      ip::make_address(std::string(text.substr(0, slash)), ec);
  if (ec) return std::nullopt;
  const int bits_max = address.is_v6() ? kV6Bits : kV6Bits - kMappedBits;
  int bits = bits_max;
  if (slash != absl::string_view::npos &&
      (!absl::SimpleAtoi(text.substr(slash + 1), &bits) || bits < 0 ||
       bits > bits_max)) {
    return std::nullopt;
  }
  return Range{BytesOf(address), bits + kV6Bits - bits_max};
}

absl::StatusOr<TrustedProxies> TrustedProxies::Parse(
    const std::vector<std::string>& list) {
  TrustedProxies proxies;
  for (const std::string& text : list) {
    if (absl::EqualsIgnoreCase(text, "unix")) {
      proxies.trusts_unix_ = true;
      continue;
    }
    const std::optional<Range> range = ParseRange(text);
    if (!range) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text,
                       "\" is not an address, a range such as 10.0.0.0/8, or "
                       "unix"));
    }
    proxies.ranges_.push_back(*range);
  }
  return proxies;
}

bool TrustedProxies::Trusts(const std::optional<Address>& address) const {
  if (!address) return trusts_unix_;
  const std::array<unsigned char, 16> bytes = BytesOf(*address);
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    return Matches(bytes, range.start, range.bits);
  });
}

std::optional<Address> TrustedProxies::ClientOf(
    const std::optional<Address>& peer, const std::optional<Address>& proxied,
    const std::vector<absl::string_view>& forwarded_for) const {
  std::optional<Address> client = peer;
  if (!Trusts(client)) return client;
  if (proxied) {
    client = Unmapped(*proxied);
    if (!Trusts(client)) return client;
  }
  for (auto field = forwarded_for.rbegin(); field != forwarded_for.rend();
       ++field) {
    const std::vector<absl::string_view> list = absl::StrSplit(*field, ',');
    for (auto item = list.rbegin(); item != list.rend(); ++item) {
      const absl::string_view text = absl::StripAsciiWhitespace(*item);
      if (text.empty()) continue;  // RFC 9110 section 5.6.1.2.
      const std::optional<Address> address = ParseElement(text);
      if (!address) return client;
      client = address;
      if (!Trusts(client)) return client;
    }
  }
  return client;
}

}  // namespace herald::gateway
