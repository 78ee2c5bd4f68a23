// SPDX-License-Identifier: Apache-2.0
//
// What RFC 6455 section 4.2.1 demands of the request for a WebSocket.
//
// Threads: any; functions without state.

#ifndef HERALD_GATEWAY_NET_UPGRADE_REQUEST_H_
#define HERALD_GATEWAY_NET_UPGRADE_REQUEST_H_

#include <optional>

#include "proto/process/http_rules.h"

namespace herald::gateway {

// Why there will be no WebSocket, or nothing:
//
//   400  no key, a key that is not 16 bytes in base64, or a field twice that
//        may come once: the key, the version, `Origin`
//   426  it asks for no WebSocket, or for another version
//
// REQUIRES: the method is GET.
std::optional<process::HttpRefusal> CheckUpgrade(
    const process::HttpRequest& request);

// Brings the fields to the form that Beast knows: `Connection` and `Upgrade`
// once each. REQUIRES: CheckUpgrade() has nothing against it.
void NormalizeUpgrade(process::HttpRequest* request);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_UPGRADE_REQUEST_H_
