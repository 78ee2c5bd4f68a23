// SPDX-License-Identifier: Apache-2.0
//
// Uses each public header of the installed library once, and leaves with 0 when
// all of them work.

#include <future>
#include <iostream>

#include "herald/client/authorizer_server.h"
#include "herald/client/broadcast_stream.h"
#include "herald/client/control.h"
#include "herald/client/publisher.h"
#include "herald/client/watch.h"
#include "proto/contract/limits.h"

namespace {

class Nobody final : public herald::client::ChannelAuthorizer {
 public:
  herald::client::Decision Authorize(
      const herald::v1::AuthorizeRequest&) override {
    return herald::client::Deny("nobody may");
  }
};

}  // namespace

int main() {
  namespace client = herald::client;
  Nobody nobody;
  auto server =
      client::AuthorizerServer::Start({.address = "127.0.0.1:0"}, &nobody);
  if (!server.ok()) return 1;

  // An authorizer is no BroadcastService: calls arrive, and are not served.
  const std::string target = "127.0.0.1:" + std::to_string((*server)->port());
  client::Publisher publisher({.target = target});
  if (!absl::IsUnimplemented(publisher.Broadcast("a", "b", "1").status())) {
    return 2;
  }
  client::Control control({.target = target});
  if (!absl::IsUnimplemented(control.GetStats().status())) return 3;
  client::BroadcastStream stream({.target = target});
  if (!absl::IsUnimplemented(stream.Finish())) return 4;
  std::promise<absl::Status> end;
  client::Watch watch(
      {.target = target, .channels = {"a"}},
      [](const herald::v1::ServerMessage&) {}, [](const client::Loss&) {},
      [&end](const absl::Status& status) { end.set_value(status); });
  if (!absl::IsUnimplemented(end.get_future().get())) return 5;

  std::cout << "installed, " << herald::contract::kBroadcastChannelsMax
            << " channels at most\n";
  return 0;
}
