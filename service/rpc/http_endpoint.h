// SPDX-License-Identifier: Apache-2.0
//
// The HTTP port for machines: `/metrics` (Prometheus), `/livez` (200 while the
// process runs) and `/readyz` (200 when the service answers, else 503 and why).
//
// Threads: CivetServer's own, few: a scrape now and then.

#ifndef HERALD_SERVICE_RPC_HTTP_ENDPOINT_H_
#define HERALD_SERVICE_RPC_HTTP_ENDPOINT_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace herald::rpc {

class HttpEndpoint {
 public:
  // Threads: both may be called from several threads at once.
  struct Sources {
    // The text of `/metrics`.
    absl::AnyInvocable<std::string() const> metrics;
    // OK, or why the service is not ready.
    absl::AnyInvocable<absl::Status() const> ready;
  };

  // Listens at `address` (`host:port`; port 0: a free one). UNAVAILABLE if that
  // cannot be had.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Listen(
      const std::string& address, Sources sources);

  // Answers nobody any more when it returns.
  ~HttpEndpoint();

  // Where it listens, with the port that was bound.
  const std::string& address() const { return address_; }

 private:
  class Server;

  HttpEndpoint(std::unique_ptr<Server> server, std::string address);

  const std::unique_ptr<Server> server_;
  const std::string address_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_HTTP_ENDPOINT_H_
