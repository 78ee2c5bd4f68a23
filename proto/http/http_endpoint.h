// SPDX-License-Identifier: Apache-2.0
//
// The HTTP port for machines: `/metrics`, `/livez` and `/readyz`, as in
// http_connection.h, on one address.
//
// Bound: kConnectionsMax connections; for one more, sources with more than a
// fair share lose their oldest. A request has 10 s, so slow clients cannot keep
// probes from being answered. When only the files are left that the
// process keeps for itself (files.h), there are kConnectionsWhenShort: probes
// are answered then, too, and the others are for gRPC.
//
// Threads: its own, which calls the pages.
//
// Failure: when files are short, connections wait in the kernel, and it accepts
// again ten times a second.

#ifndef HERALD_PROTO_HTTP_HTTP_ENDPOINT_H_
#define HERALD_PROTO_HTTP_HTTP_ENDPOINT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/http/http_connection.h"

namespace herald::process {

class HttpEndpoint {
 public:
  static constexpr size_t kConnectionsMax = 128;
  static constexpr size_t kConnectionsWhenShort = 4;

  // Listens at `address`, as ListeningSockets does. UNAVAILABLE if it cannot be
  // bound.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Listen(
      const std::string& address, HttpPages pages);

  // Pages are not called any more when it returns.
  ~HttpEndpoint();

  // Where it listens, with the port that was bound.
  const std::string& address() const;

 private:
  class Impl;

  explicit HttpEndpoint(std::unique_ptr<Impl> server);

  const std::unique_ptr<Impl> server_;
};

}  // namespace herald::process

#endif  // HERALD_PROTO_HTTP_HTTP_ENDPOINT_H_
