// SPDX-License-Identifier: Apache-2.0
//
// The key under which clients share their turns at the authorizer. Pure.

#ifndef HERALD_SERVICE_QUESTIONS_ADDRESS_KEY_H_
#define HERALD_SERVICE_QUESTIONS_ADDRESS_KEY_H_

#include <string>

#include "absl/strings/string_view.h"

namespace herald::authorizer {

// The same for all clients that count as one address. An IPv4 address is its
// own key, also if it is mapped into IPv6. The key of an IPv6 address is its
// first 64 bits, because one client owns all addresses that begin with them.
// Any other text is its own key.
std::string AddressKey(absl::string_view address);

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_QUESTIONS_ADDRESS_KEY_H_
