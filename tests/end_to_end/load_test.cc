// SPDX-License-Identifier: Apache-2.0
//
// Ten thousand sockets connect, subscribe and receive one broadcast each, with
// no error. The limit of open files is 20,000 for each process, this one too.

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/herald_world.h"

namespace herald::end_to_end {
namespace {

using testing_support::HeraldWorld;
using testing_support::WebSocketClient;

TEST(TenThousandSockets, ConnectSubscribeAndReceiveOneBroadcastEach) {
  constexpr size_t kSockets = 10000;
  HeraldWorld world({.gateways = 1});
  const std::vector<WebSocketClient*> clients = world.OpenMany(kSockets);
  ASSERT_EQ(clients.size(), kSockets);
  for (WebSocketClient* client : clients) client->AskToSubscribe("news");
  for (WebSocketClient* client : clients) {
    ASSERT_EQ(client->Next(), R"({"type":"subscribed","channel":"news"})");
  }

  EXPECT_EQ(world.backend().Broadcast("news", "e", "1"), int64_t{kSockets});

  for (WebSocketClient* client : clients) {
    ASSERT_EQ(client->Next(),
              R"({"type":"event","event":"e","channel":"news","data":1})");
    ASSERT_EQ(client->waiting(), 0u);
    ASSERT_TRUE(client->open());
  }
  world.WaitUntil([&] {
    return world.backend()
               .Call(&testing_support::Stub::GetStats, {})
               .response.client_count() == int64_t{kSockets};
  });
}

}  // namespace
}  // namespace herald::end_to_end
