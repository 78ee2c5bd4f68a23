// SPDX-License-Identifier: Apache-2.0
//
// The grammar of addresses: where a process listens, and gRPC targets.
//
// Threads: all functions are pure.

#ifndef HERALD_PROTO_CONTRACT_ADDRESS_H_
#define HERALD_PROTO_CONTRACT_ADDRESS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace herald::contract {

// `host:port` in its parts, the port from 0 to 65535; IPv6 in brackets. A host
// of digits and dots alone is an IPv4 address.
struct HostPort {
  std::string host;  // Without brackets.
  uint16_t port = 0;
};
std::optional<HostPort> SplitHostPort(absl::string_view address);

// OK if a process can listen at the address: `host:port`, or `unix:path` with
// neither `%` nor white space in the path. A new form of address is added here,
// and to kListenAddressForms.
absl::Status CheckListenAddress(absl::string_view address);
inline constexpr char kListenAddressForms[] =
    "host:port, for example 127.0.0.1:8080, or unix:path";

// Whether one process cannot listen at both addresses: they are the same, or
// one of them includes the other. Port 0 is a free one, so never the same.
bool Collide(absl::string_view a, absl::string_view b);

// OK if gRPC can dial the target: `host:port`, `dns:///host:port`,
// `dns://10.0.0.2:53/host:port`, `ipv4:address:port`, `ipv6:[address]:port`,
// `unix:path`, `unix:///path`, `unix-abstract:name`, `xds:///name`; ports from
// 1 to 65535. gRPC itself accepts anything, dials port 443 if there is none,
// and port 34463 for 99999. INVALID_ARGUMENT: the message is the fault, worded
// to follow the quoted value.
absl::Status CheckTarget(absl::string_view target);
inline constexpr char kTargetForms[] =
    "host:port with a port from 1 to 65535, dns:///host:port, unix:/path";

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_ADDRESS_H_
