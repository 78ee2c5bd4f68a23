// SPDX-License-Identifier: Apache-2.0
//
// Why an address could not be had. The libraries that listen for us say that
// they failed and keep the reason to themselves, so it is tried again here.

#ifndef HERALD_SERVICE_RPC_LISTEN_ERROR_H_
#define HERALD_SERVICE_RPC_LISTEN_ERROR_H_

#include <string>

#include "absl/status/status.h"

namespace herald::rpc {

// UNAVAILABLE with the address and the reason, as far as it can be found.
absl::Status ListenError(const std::string& address);

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_LISTEN_ERROR_H_
