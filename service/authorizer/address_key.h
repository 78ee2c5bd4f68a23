// SPDX-License-Identifier: Apache-2.0
//
// The key under which clients share their turns at the authorizer. Pure.

#ifndef HERALD_SERVICE_AUTHORIZER_ADDRESS_KEY_H_
#define HERALD_SERVICE_AUTHORIZER_ADDRESS_KEY_H_

#include <string>

#include "absl/strings/string_view.h"

namespace herald::authorizer {

// The same for all clients that count as one address. It is the address itself
// for IPv4, also if it is mapped into IPv6; the first 64 bits of an IPv6
// address, because one client owns all addresses that begin with them; and any
// other text unchanged.
std::string AddressKey(absl::string_view address);

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_AUTHORIZER_ADDRESS_KEY_H_
