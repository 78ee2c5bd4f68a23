// SPDX-License-Identifier: Apache-2.0
//
// Where something listens, and the few things one does with TCP sockets.

#ifndef HERALD_TESTS_BENCHMARK_ENDPOINT_H_
#define HERALD_TESTS_BENCHMARK_ENDPOINT_H_

#include <netinet/in.h>

#include <string>

#include "absl/strings/string_view.h"

namespace herald::benchmark {

// A TCP address; IPv4, for the benchmark spreads its own over 127.0.0.0/8.
struct Endpoint {
  std::string host;  // As it was written, for the Host header.
  sockaddr_in address{};
};

// Resolves `host:port`. Failure: there is no such host, or no port.
Endpoint ResolveEndpoint(absl::string_view host_port);

// A socket that listens on a free port of 127.0.0.1.
int ListenOnLoopback();

// The port that a socket listens on.
int PortOf(int fd);

// A blocking connection, for requests and publications.
int ConnectTo(const Endpoint& endpoint);

// Begins a connection that does not block. To 127.x.x.x it comes from the
// `number`th of several loopback addresses, for one address has only 28,000
// ports. Its end is a reset, so that its port is free at once.
int StartConnecting(const Endpoint& endpoint, int number);

// Sends all of `bytes` on a blocking socket.
void SendAll(int fd, absl::string_view bytes);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_ENDPOINT_H_
