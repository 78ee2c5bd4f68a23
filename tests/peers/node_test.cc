// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket client that Herald did not write (npm `ws`) against a real
// gateway.

#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
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

TEST_F(ANodeClient, SubscribesReceivesWhispersAndPublishes) {
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

// A proxy before `target` that ends streams that are silent for 24 s.
class IdleProxy {
 public:
  explicit IdleProxy(const std::string& target)
      : process_({HERALD_NODE, absl::StrCat(HERALD_PEERS, "/idle_proxy.mjs"),
                  target, "24000"}) {
    constexpr absl::string_view kListening = "listening ";
    address_ = process_.WaitForLine(kListening).substr(kListening.size());
  }

  const std::string& address() const { return address_; }

  // Waits until data end a long silence of a stream of `method`.
  void ExpectAlive(absl::string_view method) {
    const std::string alive = absl::StrCat("alive /herald.", method);
    const auto is_news = [&](const std::string& line) {
      return absl::StartsWith(line, "ended ") || line == alive;
    };
    const auto line =
        process_.FindLine(is_news, testing_support::Milliseconds(60'000));
    EXPECT_EQ(line.value_or("nothing"), alive);
  }

  // Ends it.
  void ExpectNoneEnded() {
    process_.Kill();
    process_.WaitForEndOfOutput();
    for (const std::string& line : process_.StandardOutput()) {
      EXPECT_FALSE(absl::StartsWith(line, "ended ")) << line;
    }
  }

 private:
  Process process_;
  std::string address_;
};

// The only test that waits for the keepalives of links and authorizers, which
// come after 20 s.
TEST(AProxyThatEndsSilentStreams, EndsNoneOfHeralds) {
  ScriptedAuthorizer silent;
  ScriptedAuthorizer ready;
  ready.KnowKeepalives();
  IdleProxy before_silent(silent.address());
  IdleProxy before_ready(ready.address());
  HeraldWorld other(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + before_silent.address()}});
  HeraldWorld world(
      {.gateways = 0,
       .service_flags = {"--authorizer=" + before_ready.address()}});
  IdleProxy proxy(world.grpc_address());
  Process gateway({testing_support::kGatewayBinary,
                   "--service=" + proxy.address(), "--ws_address=127.0.0.1:0"});
  const auto stub = v1::BroadcastService::NewStub(
      testing_support::MakeChannel(proxy.address()));
  v1::WatchRequest request;
  request.add_channels("news");
  request.mutable_keepalive_interval()->set_seconds(15);
  grpc::ClientContext context;
  const auto watch = stub->Watch(&context, request);

  proxy.ExpectAlive("v1.BroadcastService/Watch");
  proxy.ExpectAlive("link.v1.GatewayService/Attach");
  const auto stats = world.backend().Call(&testing_support::Stub::GetStats, {});
  EXPECT_EQ(stats.response.gateways_size(), 1);
  world.backend().Broadcast("news", "e", "1");
  v1::WatchResponse response;
  while (!response.message().has_event()) ASSERT_TRUE(watch->Read(&response));
  context.TryCancel();
  gateway.Kill();

  // An authorizer that announces keepalives is sent them, on one stream; any
  // other gets a new stream.
  before_ready.ExpectAlive("v1.AuthorizerService/Authorize");
  EXPECT_EQ(ready.stream_count(), 1);
  EXPECT_GE(ready.keepalive_count(), 1);
  other.WaitUntil([&] { return silent.stream_count() == 2; });
  EXPECT_EQ(silent.keepalive_count(), 0);
  EXPECT_EQ(other.Open().Subscribe("private-x", "yes").type(), "subscribed");
  before_ready.ExpectNoneEnded();
  before_silent.ExpectNoneEnded();
  proxy.ExpectNoneEnded();
}

}  // namespace
}  // namespace herald::end_to_end
