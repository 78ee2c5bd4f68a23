// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/allowing_authorizer.h"

#include <unistd.h>

#include "herald/client/authorizer_server.h"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

class AllowingAuthorizer final : public client::ChannelAuthorizer {
 public:
  client::Decision Authorize(
      const v1::AuthorizeRequest& /*question*/) override {
    return client::Allow();
  }
};

}  // namespace

void RunAllowingAuthorizer() {
  AllowingAuthorizer authorizer;
  const auto server = client::AuthorizerServer::Start(
      {.address = "127.0.0.1:0", .threads = 2}, &authorizer);
  if (!server.ok()) Fail(server.status().message());
  PrintListening("grpc", (*server)->port());
  for (;;) ::pause();
}

}  // namespace herald::benchmark
