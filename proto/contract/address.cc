// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace herald::contract {
namespace {

bool IsIpv4(absl::string_view host) {
  in_addr parsed;
  return inet_pton(AF_INET, std::string(host).c_str(), &parsed) == 1;
}

// With a zone (`fe80::1%eth0`) or without one.
bool IsIpv6(absl::string_view host) {
  const size_t percent = host.find('%');
  if (percent != absl::string_view::npos) {
    const absl::string_view zone = host.substr(percent + 1);
    if (zone.empty() || !absl::c_all_of(zone, [](unsigned char c) {
          return absl::ascii_isalnum(c) || absl::StrContains("._-", c);
        })) {
      return false;
    }
  }
  in6_addr parsed;
  return inet_pton(AF_INET6, std::string(host.substr(0, percent)).c_str(),
                   &parsed) == 1;
}

// A name or an IP address. Digits and dots alone are an IPv4 address or wrong.
bool IsHost(absl::string_view host) {
  if (absl::StrContains(host, ":")) return IsIpv6(host);
  if (host.empty() || host.front() == '.' || absl::StrContains(host, "..")) {
    return false;
  }
  bool numeric = true;
  for (const unsigned char c : host) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("._-", c)) return false;
    numeric = numeric && (absl::ascii_isdigit(c) || c == '.');
  }
  return !numeric || IsIpv4(host);
}

absl::Status Wrong(absl::string_view why) {
  return absl::InvalidArgumentError(why);
}

absl::Status CheckDialled(absl::string_view address) {
  if (absl::c_any_of(address, [](char c) {
        return absl::ascii_isspace(static_cast<unsigned char>(c));
      })) {
    return Wrong("has a space in it");
  }
  const std::optional<HostPort> parts = SplitHostPort(address);
  if (parts.has_value() && parts->port > 0) return absl::OkStatus();
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || address.back() == ']') {
    return Wrong("has no port");
  }
  if (colon == 0) return Wrong("has no host");
  if (absl::StrContains(address.substr(0, colon), ":") &&
      address.front() != '[') {
    return Wrong("is no host:port; IPv6 stands in brackets");
  }
  if (!IsHost(absl::StripSuffix(
          absl::StripPrefix(address.substr(0, colon), "["), "]"))) {
    return Wrong("has no valid host");
  }
  return Wrong("has no valid port");
}

// `address:port`, without a name.
absl::Status CheckNumeric(absl::string_view address,
                          bool is_ip(absl::string_view)) {
  if (absl::Status status = CheckDialled(address); !status.ok()) return status;
  if (is_ip(SplitHostPort(address)->host)) return absl::OkStatus();
  return Wrong("has a host that is no IP address of this kind");
}

absl::Status CheckEach(absl::string_view addresses,
                       bool is_ip(absl::string_view)) {
  for (const absl::string_view address : absl::StrSplit(addresses, ',')) {
    if (absl::Status status = CheckNumeric(address, is_ip); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

// `///host:port`, `//resolver/host:port` or `host:port`. The resolver is an IP
// address with a port.
absl::Status CheckDns(absl::string_view rest) {
  if (absl::ConsumePrefix(&rest, "//")) {
    const size_t slash = rest.find('/');
    if (slash == absl::string_view::npos) return Wrong("has no host");
    const absl::string_view resolver = rest.substr(0, slash);
    if (!resolver.empty() &&
        !CheckNumeric(resolver,
                      absl::StartsWith(resolver, "[") ? IsIpv6 : IsIpv4)
             .ok()) {
      return Wrong(
          "has a DNS server that is no IP address with a port, as in "
          "dns://10.0.0.2:53/host:port");
    }
    rest.remove_prefix(slash + 1);
  }
  return CheckDialled(rest);
}

bool IsNumber(absl::string_view text) {
  return !text.empty() && absl::c_all_of(text, [](unsigned char c) {
    return absl::ascii_isdigit(c);
  });
}

// A port after a scheme of gRPC's, which parses it as a host or a path. A host
// may have the scheme's name: it is dialled as `dns:///unix:50051`.
absl::Status CheckScheme(absl::string_view target) {
  const size_t colon = target.find(':');
  const absl::string_view scheme = target.substr(0, colon);
  constexpr absl::string_view kSchemes[] = {
      "dns", "ipv4", "ipv6", "unix", "unix-abstract", "xds", "google-c2p"};
  if (colon == absl::string_view::npos ||
      !absl::c_linear_search(kSchemes, scheme) ||
      !IsNumber(target.substr(colon + 1))) {
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat("has a port behind ", scheme,
                            ":, which is a scheme of gRPC's; a host of that "
                            "name is written dns:///",
                            target));
}

absl::Status CheckPath(absl::string_view path) {
  // The capacity of a sockaddr_un.
  if (path.empty()) return Wrong("has no path");
  return path.size() < 108 ? absl::OkStatus() : Wrong("has too long a path");
}

// A listener takes a path as it stands, but gRPC percent-decodes that of a
// target: with these characters, one text would mean two paths.
absl::Status CheckMeansOnePath(absl::string_view path) {
  for (const unsigned char c : path) {
    if (c == '%') return Wrong("has a % in its path, which gRPC would decode");
    if (absl::ascii_isspace(c)) return Wrong("has white space in its path");
  }
  return absl::OkStatus();
}

// A path within a target, which gRPC parses as a URI: other bytes make it none
// (RFC 3986 section 3.3).
absl::Status CheckUriPath(absl::string_view path) {
  constexpr absl::string_view kBesideLettersAndDigits = "-._~!$&'()*+,;=:@/";
  if (absl::Status status = CheckMeansOnePath(path); !status.ok()) {
    return status;
  }
  for (const char c : path) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
        !absl::StrContains(kBesideLettersAndDigits, c)) {
      return Wrong("has a byte in its path that a URI may not have");
    }
  }
  return CheckPath(path);
}

// Whether a socket that listens at `wide` accepts connections to `host`. Each
// wildcard is for both families (proto/process/listening_sockets.h).
bool Covers(absl::string_view wide, absl::string_view host) {
  if (wide == "0.0.0.0" || wide == "::") return true;
  return wide == "localhost" && (host == "127.0.0.1" || host == "::1");
}

}  // namespace

std::optional<HostPort> SplitHostPort(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return std::nullopt;
  absl::string_view host = address.substr(0, colon);
  const absl::string_view digits = address.substr(colon + 1);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!absl::StrContains(host, ":")) return std::nullopt;
  } else if (absl::StrContains(host, ":")) {
    return std::nullopt;
  }
  uint32_t port = 0;
  if (!IsHost(host) || digits.empty() || digits.size() > 5 ||
      !absl::c_all_of(digits,
                      [](unsigned char c) { return absl::ascii_isdigit(c); }) ||
      !absl::SimpleAtoi(digits, &port) || port > 65535) {
    return std::nullopt;
  }
  return HostPort{std::string(host), static_cast<uint16_t>(port)};
}

absl::Status CheckListenAddress(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "unix:")) {
    if (IsNumber(address)) return Wrong("has a port where a path belongs");
    if (absl::Status status = CheckMeansOnePath(address); !status.ok()) {
      return status;
    }
    return CheckPath(address);
  }
  if (SplitHostPort(address).has_value()) return absl::OkStatus();
  return Wrong("is no address");
}

bool Collide(absl::string_view a, absl::string_view b) {
  const std::optional<HostPort> left = SplitHostPort(a);
  const std::optional<HostPort> right = SplitHostPort(b);
  if (!left.has_value() || !right.has_value()) return a == b;
  return left->port == right->port && left->port != 0 &&
         (left->host == right->host || Covers(left->host, right->host) ||
          Covers(right->host, left->host));
}

absl::Status CheckTarget(absl::string_view target) {
  if (target.empty()) return Wrong("is empty");
  if (absl::Status status = CheckScheme(target); !status.ok()) return status;
  absl::string_view rest = target;
  if (absl::ConsumePrefix(&rest, "dns:")) return CheckDns(rest);
  if (absl::ConsumePrefix(&rest, "ipv4:")) return CheckEach(rest, IsIpv4);
  if (absl::ConsumePrefix(&rest, "ipv6:")) return CheckEach(rest, IsIpv6);
  if (absl::ConsumePrefix(&rest, "unix:")) {
    if (absl::ConsumePrefix(&rest, "//") && !absl::StartsWith(rest, "/")) {
      return Wrong("has no absolute path behind unix://");
    }
    return CheckUriPath(rest);
  }
  if (absl::ConsumePrefix(&rest, "unix-abstract:")) return CheckUriPath(rest);
  if (absl::ConsumePrefix(&rest, "xds:///")) return CheckUriPath(rest);
  const size_t scheme = target.find("://");
  if (scheme == absl::string_view::npos) return CheckDialled(target);
  return Wrong(
      absl::StrCat("is a URL; leave out ", target.substr(0, scheme + 3)));
}

}  // namespace herald::contract
