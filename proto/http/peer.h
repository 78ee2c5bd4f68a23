// SPDX-License-Identifier: Apache-2.0
//
// The other end of a connection, by the names that gRPC and the kernel have for
// it.
//
// Threads: any.

#ifndef HERALD_PROTO_HTTP_PEER_H_
#define HERALD_PROTO_HTTP_PEER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "proto/admission/source.h"

namespace herald::process {

// Empty for a unix socket: its peer has no address.
struct PeerAddress {
  std::string address;  // 16 bytes; IPv4 in its IPv6 form.
  std::string name;     // Address and port.

  admission::Source source() const { return admission::SourceOf(address); }
};

// `ipv4:10.0.0.1:5000` or `ipv6:%5Bfe80::1%25eth0%5D:5000`, gRPC's form.
PeerAddress ParsePeer(absl::string_view text);

// Of a connected socket.
PeerAddress PeerOf(int fd);

// A PeerAddress::address as people write it; "unix" if it is empty.
std::string AddressText(absl::string_view address);

}  // namespace herald::process

#endif  // HERALD_PROTO_HTTP_PEER_H_
