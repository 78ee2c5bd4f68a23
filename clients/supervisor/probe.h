// SPDX-License-Identifier: Apache-2.0
//
// Whether a server is there: it accepts connections, or it is ready.
//
// Threads: any. A call waits for the server, for one second at most.

#ifndef HERALD_CLIENTS_SUPERVISOR_PROBE_H_
#define HERALD_CLIENTS_SUPERVISOR_PROBE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace herald::supervisor {

// Addresses are `host:port` or `unix:path`.

// Where to dial a server that listens on `address`: one that listens on all
// addresses is dialled at 127.0.0.1.
std::string DialAddress(absl::string_view address);

// Whether a server accepts connections at `address`.
bool Accepts(absl::string_view address);

// Whether `GET /readyz` is answered with 200 at `address`.
bool IsReady(absl::string_view address);

}  // namespace herald::supervisor

#endif  // HERALD_CLIENTS_SUPERVISOR_PROBE_H_
