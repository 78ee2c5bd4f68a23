// SPDX-License-Identifier: Apache-2.0
//
// Access: API tokens on gRPC; origins, connections and paths on the gateway.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/proto_buffer_writer.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"

namespace herald::end_to_end {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using testing_support::Backend;
using testing_support::Clock;
using testing_support::HeraldWorld;
using testing_support::HttpGet;
using testing_support::MakeBroadcast;
using testing_support::RawSocket;
using testing_support::Stub;
using testing_support::WebSocketClient;

// Calls a unary method of a service that no header of ours declares, with the
// bytes of its request; returns the bytes of its response.
grpc::Status CallByName(const std::string& address, const std::string& method,
                        const std::string& request, std::string* response) {
  const auto channel = testing_support::MakeChannel(address);
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       testing_support::kPatience);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(request);
  const grpc::ByteBuffer message(&slice, 1);
  const auto call = stub.PrepareUnaryCall(&context, method, message, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  std::vector<grpc::Slice> slices;
  if (status.ok() && answer.Dump(&slices).ok()) {
    for (const grpc::Slice& part : slices) {
      response->append(reinterpret_cast<const char*>(part.begin()),
                       part.size());
    }
  }
  return status;
}

constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kServing[] = "\x08\x01";  // status: SERVING.

// Readiness and health change one after the other.
void ExpectServing(HeraldWorld* world) {
  world->WaitUntil([&] {
    std::string response;
    const grpc::Status status =
        CallByName(world->grpc_address(), kHealthCheck, "", &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response == kServing;
  });
}

// A stream; as a unary call, its end proves whether it exists.
constexpr char kReflection[] =
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr char kListServices[] = "\x3a\x01*";

TEST(AnApiToken, IsNeededForEveryCallAndAnyOfTheListIsGood) {
  HeraldWorld world({.api_token = "first,second"});
  // The gateways have shown the first one and are attached.
  WebSocketClient& ada = world.Open();
  EXPECT_EQ(ada.Subscribe("news").type(), "subscribed");

  for (const char* token : {"first", "second"}) {
    Backend backend(world.grpc_address(), token);
    EXPECT_EQ(backend.Broadcast("news", "e", "1"), 1) << token;
  }
  for (const char* token : {"", "wrong", "firs", "first,second", "FIRST"}) {
    Backend backend(world.grpc_address(), token);
    const auto unauthenticated = StatusCode::UNAUTHENTICATED;
    EXPECT_EQ(backend.Call(&Stub::Broadcast, MakeBroadcast({"news"}, "e", "1"))
                  .status.error_code(),
              unauthenticated);
    EXPECT_EQ(backend.Call(&Stub::Subscribe, {}).status.error_code(),
              unauthenticated);
    EXPECT_EQ(backend.Call(&Stub::Unsubscribe, {}).status.error_code(),
              unauthenticated);
    EXPECT_EQ(backend.Call(&Stub::GetMembers, {}).status.error_code(),
              unauthenticated);
    EXPECT_EQ(backend.Call(&Stub::GetChannel, {}).status.error_code(),
              unauthenticated);
    EXPECT_EQ(backend.Call(&Stub::ListChannels, {}).status.error_code(),
              unauthenticated);
    EXPECT_EQ(backend.Call(&Stub::GetStats, {}).status.error_code(),
              unauthenticated);
    EXPECT_EQ(backend.Call(&Stub::Disconnect, {}).status.error_code(),
              unauthenticated);
    EXPECT_EQ(backend.Watch({"news"})->WaitForEnd().error_code(),
              unauthenticated);
    const auto context = backend.MakeContext();
    const auto stream = backend.stub()->BroadcastStream(context.get());
    v1::BroadcastStreamResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_EQ(stream->Finish().error_code(), unauthenticated);
  }
}

TEST(AnApiToken, IsNotNeededForHealthAndTurnsReflectionOff) {
  HeraldWorld world({.gateways = 0, .api_token = "token"});
  std::string response;

  // Health follows readiness a moment later.
  EXPECT_TRUE(world.WaitUntil([&] {
    response.clear();
    return CallByName(world.grpc_address(), kHealthCheck, "", &response).ok() &&
           response == kServing;
  }));

  EXPECT_EQ(
      CallByName(world.grpc_address(), kReflection, kListServices, &response)
          .error_code(),
      StatusCode::UNIMPLEMENTED);
}

TEST(WithoutApiTokens, ReflectionAndHealthAreThere) {
  HeraldWorld world({.gateways = 0});
  ExpectServing(&world);

  std::string response;
  EXPECT_TRUE(
      CallByName(world.grpc_address(), kReflection, kListServices, &response)
          .ok());
  EXPECT_THAT(response, ::testing::HasSubstr("herald.v1.BroadcastService"));
}

TEST(AGatewayWithAWrongToken, StaysUpAndLogsIt) {
  HeraldWorld world({.gateways = 0, .api_token = "right"});
  testing_support::Process gateway(
      {testing_support::kGatewayBinary, "--ws_address=127.0.0.1:0",
       "--service=" + world.grpc_address(), "--api_token=wrong"});
  const std::string address = gateway.ListeningAddress("ws");

  world.WaitUntil([&] {
    return HttpGet(address, "/readyz").body.find("UNAUTHENTICATED") !=
               std::string::npos ||
           HttpGet(address, "/readyz").body.find("token") != std::string::npos;
  });
  EXPECT_EQ(HttpGet(address, "/readyz").status, 503);
  EXPECT_EQ(HttpGet(address, "/livez").status, 200);
}

TEST(AnOrigin, IsAllowedByAPatternAndElseGets403) {
  HeraldWorld world({.gateways = 1,
                     .gateway_flags = {"--allowed_origins=https://app.example, "
                                       "https://*.example.org"}});
  const auto upgrade = [&](const std::string& origin) {
    RawSocket socket(world.gateway_address(0));
    return socket.Upgrade("Origin: " + origin + "\r\n");
  };
  for (const char* good : {"https://app.example", "https://a.example.org",
                           "https://a.b.example.org"}) {
    EXPECT_EQ(upgrade(good), 101) << good;
  }
  for (const char* bad :
       {"https://evil.example", "http://app.example", "https://app.example.com",
        "https://example.org", "https://a.example.org.evil", "null"}) {
    EXPECT_EQ(upgrade(bad), 403) << bad;
  }
}

TEST(ARefusedOrigin, LeavesALineInTenSecondsHoweverOftenItComes) {
  HeraldWorld world({.gateways = 1,
                     .gateway_flags = {"--allowed_origins=https://a.example"}});
  const std::string origin =
      absl::StrCat("https://", std::string(3000, 'x'), ".example");
  int refused = 0;
  const auto refuse = [&] {
    RawSocket socket(world.gateway_address(0));
    ++refused;
    EXPECT_EQ(socket.Upgrade(absl::StrCat("Origin: ", origin, "\r\n")), 403);
  };
  testing_support::Process& gateway = world.gateway(0);
  const auto lines = [&gateway] {
    std::vector<std::string> found;
    for (const std::string& line : gateway.StandardError()) {
      if (absl::StrContains(line, "origin refused")) found.push_back(line);
    }
    return found;
  };
  const Clock::time_point began = Clock::now();
  while (refused < 300) refuse();
  const std::string line = gateway.WaitForLine("origin refused");
  EXPECT_THAT(line, HasSubstr("warning"));
  EXPECT_THAT(line, HasSubstr("origin=https://xxx"));
  EXPECT_THAT(line, HasSubstr("BROADCAST_ALLOWED_ORIGINS"));
  EXPECT_THAT(line, HasSubstr("pause=10s")) << "for how long none follows";
  EXPECT_LT(line.size(), 500) << "a client decides how long its origin is";
  EXPECT_TRUE(world.WaitUntil(
      [&] {
        refuse();
        return lines().size() > 1;
      },
      2 * testing_support::kPatience));
  const double seconds =
      std::chrono::duration<double>(Clock::now() - began).count();
  EXPECT_GE(seconds, 9.9);
  // Those that leave no line are counted.
  EXPECT_EQ(
      world.GatewayMetrics(0).Sum("herald_gateway_refused_connections_total",
                                  {{"reason", "origin"}}),
      refused);
  gateway.Kill();
  ASSERT_TRUE(gateway.WaitForEndOfOutput());
  EXPECT_LE(lines().size(), 1 + seconds / 10);
}

TEST(AConnection, OverTheLimitGets503AndMayComeWhenAnotherHasGone) {
  HeraldWorld world({.gateways = 1, .gateway_flags = {"--max_connections=2"}});
  WebSocketClient& ada = world.Open();
  WebSocketClient& bob = world.Open();

  EXPECT_EQ(world.OpenRefused(), 503);
  EXPECT_EQ(HttpGet(world.gateway_address(0), "/livez").status, 200)
      << "probes are no connections of that kind";
  EXPECT_EQ(bob.Subscribe("news").type(), "subscribed");

  ada.Drop();
  world.WaitUntil([&] {
    RawSocket next(world.gateway_address(0));
    return next.Upgrade() == 101;
  });
}

TEST(AGateway, AnswersProbesAndNothingElse) {
  HeraldWorld world({.gateways = 1});
  const std::string& address = world.gateway_address(0);
  EXPECT_EQ(HttpGet(address, "/livez").status, 200);
  EXPECT_EQ(HttpGet(address, "/readyz").status, 200);
  EXPECT_EQ(HttpGet(address, "/metrics").status, 200);
  EXPECT_EQ(HttpGet(address, "/").status, 404);
  EXPECT_EQ(HttpGet(address, "/livez/more").status, 404);
  const int plain = HttpGet(address, "/ws").status;
  EXPECT_TRUE(plain == 426 || plain == 400) << plain;
  EXPECT_EQ(world.OpenRefused(0, {.path = "/other"}), 404);
}

TEST(TheService, AnswersProbesToo) {
  HeraldWorld world({.gateways = 0});
  EXPECT_EQ(HttpGet(world.metrics_address(), "/livez").status, 200);
  EXPECT_EQ(HttpGet(world.metrics_address(), "/readyz").status, 200);
  EXPECT_EQ(HttpGet(world.metrics_address(), "/metrics").status, 200);
  EXPECT_EQ(HttpGet(world.metrics_address(), "/else").status, 404);
}

}  // namespace
}  // namespace herald::end_to_end
