// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket client that Herald did not write (npm `ws`) against a real
// gateway.

#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/process.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Exit;
using testing_support::HeraldWorld;
using testing_support::Process;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;

// `ws` comes with `./dev setup`.
class ANodeClient : public ::testing::Test {
 protected:
  static std::vector<std::string> Client(const HeraldWorld& world) {
    return {HERALD_NODE, absl::StrCat(HERALD_PEERS, "/websocket_client.mjs"),
            HERALD_NODE_PACKAGE,
            absl::StrCat("ws://", world.gateway_address(0), "/ws")};
  }
};

TEST_F(ANodeClient, SubscribesHearsWhispersAndSays) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(1);
  ada.Subscribe("presence-room", "user:ada");
  Process node(Client(world));
  node.WaitForLine(R"(message {"type":"connected","socket_id":")");

  node.WriteLine(R"(send {"type":"subscribe","channel":"news"})");
  node.WaitForLine(R"(message {"type":"subscribed","channel":"news"})");
  node.WriteLine(R"(send {"type":"subscribe","channel":"presence-room",)"
                 R"("auth":"user:bob"})");
  node.WaitForLine(
      R"(message {"type":"subscribed","channel":"presence-room","members":)");
  EXPECT_EQ(ada.Next().String("user_id"), "bob");

  EXPECT_EQ(world.backend().Broadcast("news", "created", R"({"ü":1})"), 1);
  node.WaitForLine(
      R"(message {"type":"event","event":"created","channel":"news",)"
      R"("data":{"ü":1}})");
  node.WriteLine(R"(send {"type":"whisper","channel":"presence-room",)"
                 R"("event":"w","data":2})");
  EXPECT_EQ(ada.Next(),
            R"({"type":"event","event":"w","channel":"presence-room",)"
            R"("data":2,"whisper":true,"user_id":"bob"})");
  ada.Whisper("presence-room", "w", "3");
  node.WaitForLine(R"("data":3,"whisper":true,"user_id":"ada"})");

  node.WriteLine("ping");
  node.WaitForLine("pong");
  node.WriteLine(R"(send {"type":"ping"})");
  node.WaitForLine(R"(message {"type":"pong"})");
  node.WriteLine("close");
  node.WaitForLine("close 1000");
  EXPECT_EQ(node.WaitForExit(), (Exit{0, 0}));
  EXPECT_EQ(ada.Next().type(), "member_removed");
}

TEST_F(ANodeClient, ReceivesLargeMessagesInOnePiece) {
  HeraldWorld world(
      {.gateways = 1, .service_flags = {"--max_payload=1048576"}});
  Process node(Client(world));
  node.WaitForLine("open");
  node.WriteLine(R"(send {"type":"subscribe","channel":"news"})");
  node.WaitForLine("subscribed");
  const std::string data = absl::StrCat("\"", std::string(1000000, 'x'), "\"");

  EXPECT_EQ(world.backend().Broadcast("news", "e", data), 1);

  node.WaitForLine(absl::StrCat(R"("data":)", data, "}"));
}

TEST_F(ANodeClient, IsClosedWithTheCodesOfTheProtocol) {
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--heartbeat_interval=1", "--client_timeout=3"},
       .gateway_flags = {"--drain_time=1"}});
  Process binary(Client(world));
  binary.WaitForLine("open");
  binary.WriteLine("binary {}");
  binary.WaitForLine("close 1003");
  Process large(Client(world));
  large.WaitForLine("open");
  large.WriteLine("large 5000000");
  large.WaitForLine("close 1009");

  Process drained(Client(world));
  drained.WaitForLine("message");
  drained.WaitForLine("ping");  // Which `ws` answers.
  world.gateway(0).Signal(SIGTERM);
  // The drain goes on until the last socket has gone, so the port is still
  // there, and refuses.
  drained.WaitForLine("close 1001");
  EXPECT_EQ(world.gateway(0).WaitForExit(), (Exit{0, 0}));
}

TEST_F(ANodeClient, IsRefusedByItsOrigin) {
  HeraldWorld world(
      {.gateways = 1, .gateway_flags = {"--allowed_origins=https://other"}});
  Process node(Client(world));
  node.WaitForLine("refused 403");
  EXPECT_EQ(node.WaitForExit(), (Exit{0, 0}));
}

}  // namespace
}  // namespace herald::end_to_end
