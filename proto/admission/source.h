// SPDX-License-Identifier: Apache-2.0
//
// The origin of a connection, as far as bounds are concerned: an IPv4 address,
// or the /64 of an IPv6 address, the least that a provider gives to a customer.
// Users behind a NAT, or behind a proxy that is not trusted, share one source.

#ifndef HERALD_PROTO_ADMISSION_SOURCE_H_
#define HERALD_PROTO_ADMISSION_SOURCE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace herald::admission {

// A hash, so that it fits beside each socket. Two sources with the same hash
// are taken for one. It differs from process to process.
using Source = uint32_t;

// A unix socket of which no address is known.
inline constexpr Source kNoSource = 0;

// Of an address in network byte order: 4 bytes, or 16, among them those of IPv4
// in its IPv6 form (RFC 4291 section 2.5.5.2). No bytes are kNoSource.
Source SourceOf(absl::string_view address);

}  // namespace herald::admission

#endif  // HERALD_PROTO_ADMISSION_SOURCE_H_
