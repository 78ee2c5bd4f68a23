// SPDX-License-Identifier: Apache-2.0
//
// The requirements of RFC 6455 section 4.2.1 on an upgrade request.
//
// Threads: any; functions without state.

#ifndef HERALD_GATEWAY_HTTP_UPGRADE_REQUEST_H_
#define HERALD_GATEWAY_HTTP_UPGRADE_REQUEST_H_

#include <optional>

#include "proto/http/http_rules.h"

namespace herald::gateway {

// Returns the reason for refusing the upgrade, or nullopt if it is valid:
//
//   400  no key, a key that is not 16 bytes in base64, or a repeated field of
//        those that may appear once: the key, the version, `Origin`
//   426  not a WebSocket upgrade, or another version
//
// REQUIRES: the method is GET.
std::optional<process::HttpRefusal> CheckUpgrade(
    const process::HttpRequest& request);

// Rewrites the fields for Beast, which expects `Connection` and `Upgrade` once
// each.
// REQUIRES: CheckUpgrade() returns nullopt.
void NormalizeUpgrade(process::HttpRequest* request);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_HTTP_UPGRADE_REQUEST_H_
