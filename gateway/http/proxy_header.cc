// SPDX-License-Identifier: Apache-2.0

#include "gateway/http/proxy_header.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace herald::gateway {
namespace {

namespace ip = boost::asio::ip;
using State = ProxyHeader::State;

// Section 2.1 of the specification: the longest line, with its CR LF.
constexpr size_t kLineBytesMax = 107;
constexpr absl::string_view kLineStart = "PROXY ";
constexpr absl::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kFixedBytes = 16;  // Of version 2.

const ProxyHeader kBroken = {State::kBroken, 0, std::nullopt};
const ProxyHeader kMore = {State::kMore, 0, std::nullopt};

bool IsPort(absl::string_view text) {
  uint32_t port = 0;
  return absl::SimpleAtoi(text, &port) && port <= 65535;
}

ProxyHeader ParseLine(absl::string_view bytes) {
  const size_t end = bytes.substr(0, kLineBytesMax).find("\r\n");
  if (end == absl::string_view::npos) {
    return bytes.size() < kLineBytesMax ? kMore : kBroken;
  }
  ProxyHeader header = {State::kWhole, end + 2, std::nullopt};
  const std::vector<absl::string_view> parts = absl::StrSplit(
      bytes.substr(kLineStart.size(), end - kLineStart.size()), ' ');
  if (parts[0] == "UNKNOWN") return header;  // The rest is skipped.
  const bool is_v6 = parts[0] == "TCP6";
  if ((!is_v6 && parts[0] != "TCP4") || parts.size() != 5 ||
      !IsPort(parts[3]) || !IsPort(parts[4])) {
    return kBroken;
  }
  boost::system::error_code ec;
  const auto source = ip::make_address(std::string(parts[1]), ec);
  if (ec || source.is_v6() != is_v6) return kBroken;
  const auto destination = ip::make_address(std::string(parts[2]), ec);
  if (ec || destination.is_v6() != is_v6) return kBroken;
  header.source = source;
  return header;
}

template <typename Address>
Address AddressAt(absl::string_view bytes) {
  typename Address::bytes_type raw;
  std::memcpy(raw.data(), bytes.data(), raw.size());
  return Address(raw);
}

ProxyHeader ParseBinary(absl::string_view bytes) {
  if (bytes.size() < kFixedBytes) return kMore;
  constexpr int kLocal = 0x20;  // The version's 2 above the command's 0.
  constexpr int kProxy = 0x21;
  const auto byte = [bytes](size_t at) {
    return static_cast<unsigned char>(bytes[at]);
  };
  const int command = byte(12);
  const int family = byte(13) >> 4;
  const size_t size = static_cast<size_t>(byte(14)) << 8 | byte(15);
  if (command != kLocal && command != kProxy) return kBroken;
  // With LOCAL the family and the protocol are ignored (section 2.2).
  if (command == kProxy && (family > 3 || (byte(13) & 0x0F) > 2)) {
    return kBroken;
  }
  if (kFixedBytes + size > ProxyHeader::kBytesMax) return kBroken;
  if (bytes.size() < kFixedBytes + size) return kMore;
  ProxyHeader header = {State::kWhole, kFixedBytes + size, std::nullopt};
  if (command == kLocal) return header;
  constexpr size_t kV4Bytes = 12;
  constexpr size_t kV6Bytes = 36;
  constexpr int kV4 = 1;
  constexpr int kV6 = 2;
  const absl::string_view addresses = bytes.substr(kFixedBytes, size);
  if (family == kV4) {
    if (size < kV4Bytes) return kBroken;
    header.source = AddressAt<ip::address_v4>(addresses);
  } else if (family == kV6) {
    if (size < kV6Bytes) return kBroken;
    header.source = AddressAt<ip::address_v6>(addresses);
  }
  return header;
}

}  // namespace

ProxyHeader ParseProxyHeader(absl::string_view bytes) {
  for (const absl::string_view start : {kLineStart, kSignature}) {
    const size_t size = std::min(start.size(), bytes.size());
    if (bytes.substr(0, size) != start.substr(0, size)) continue;
    if (size < start.size()) return kMore;
    return start == kLineStart ? ParseLine(bytes) : ParseBinary(bytes);
  }
  return kBroken;
}

}  // namespace herald::gateway
