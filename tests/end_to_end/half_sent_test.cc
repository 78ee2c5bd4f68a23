// SPDX-License-Identifier: Apache-2.0
//
// Callers that send half of a request, or open what never ends: what they may
// hold, and that a polite backend notices nothing.

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"

namespace herald::end_to_end {
namespace {

using testing_support::Backend;
using testing_support::HeraldWorld;
using testing_support::RawSocket;
using testing_support::WebSocketClient;

// RFC 9113 section 4.1.
std::string Http2Frame(uint8_t type, uint8_t flags, uint32_t stream,
                       const std::string& payload) {
  std::string frame;
  const auto append = [&frame](uint32_t number, int bytes) {
    while (bytes-- > 0) {
      frame.push_back(static_cast<char>(number >> 8 * bytes & 0xFF));
    }
  };
  append(static_cast<uint32_t>(payload.size()), 3);
  append(type, 1);
  append(flags, 1);
  append(stream, 4);
  return frame + payload;
}

// A literal field that is not indexed, of less than 127 bytes each (RFC 7541
// section 6.2.2).
std::string Header(const std::string& name, const std::string& value) {
  return absl::StrCat(std::string(1, '\0'),
                      std::string(1, static_cast<char>(name.size())), name,
                      std::string(1, static_cast<char>(value.size())), value);
}

// A connection of a caller whose requests are never whole.
class HalfCaller {
 public:
  explicit HalfCaller(const std::string& address) : socket_(address) {
    socket_.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket_.Send(Http2Frame(/*SETTINGS*/ 4, 0, 0, ""));
  }

  // Begins a call with a message of `bytes` bytes, of which one is sent.
  void Begin(const std::string& path, uint8_t bytes,
             const std::string& token = "") {
    std::string headers = Header(":method", "POST") +
                          Header(":scheme", "http") + Header(":path", path) +
                          Header(":authority", "x") + Header("te", "trailers") +
                          Header("content-type", "application/grpc");
    if (!token.empty()) headers += Header("authorization", "Bearer " + token);
    socket_.Send(
        Http2Frame(/*HEADERS*/ 1, /*END_HEADERS*/ 4, stream_, headers));
    std::string message(5, '\0');
    message[4] = static_cast<char>(bytes);
    socket_.Send(Http2Frame(/*DATA*/ 0, 0, stream_, message + "x"));
    stream_ += 2;
  }

  void SendUnknownFrames(int bytes) {
    constexpr int kBytes = 16'000;
    const std::string frame =
        Http2Frame(/*type=*/0x77, 0, 0, std::string(kBytes, 'x'));
    for (; bytes > 0; bytes -= kBytes) socket_.Send(frame);
  }

 private:
  RawSocket socket_;
  uint32_t stream_ = 1;
};

constexpr char kSubscribe[] = "/herald.v1.BroadcastService/Subscribe";

// What a publish may take beside an attack, also on a machine that is busy.
constexpr std::chrono::milliseconds kUnnoticed(1000 *
                                               testing_support::kSlowness);

// The longest that a publish takes, of a hundred.
std::chrono::milliseconds SlowestPublish(Backend& backend) {
  std::chrono::steady_clock::duration worst{0};
  for (int i = 0; i < 100; ++i) {
    const auto began = std::chrono::steady_clock::now();
    backend.Broadcast("news", "e", "1");
    worst = std::max(worst, std::chrono::steady_clock::now() - began);
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(worst);
}

TEST(AHalfRequest, IsRefusedForItsTokenBeforeTheRestComes) {
  HeraldWorld world({.gateways = 0, .api_token = "right"});
  HalfCaller caller(world.grpc_address());
  for (const char* method :
       {"Subscribe", "GetStats", "Watch", "BroadcastStream"}) {
    caller.Begin(absl::StrCat("/herald.v1.BroadcastService/", method), 100,
                 "wrong");
    EXPECT_TRUE(world.WaitUntil([&] {
      return world.ServiceMetrics().Sum(
                 "herald_rpcs_total",
                 {{"method", method}, {"code", "UNAUTHENTICATED"}}) == 1;
    })) << method;
  }
}

TEST(HalfRequests, AreEndedWhenTheyAreTooMany) {
  constexpr int kRequests = 200;
  constexpr int kMayWait = 24;  // At least seven eighths of them do.
  HeraldWorld world({.gateways = 0});
  HalfCaller caller(world.grpc_address());
  for (int i = 0; i < kRequests; ++i) caller.Begin(kSubscribe, 100);

  EXPECT_TRUE(world.WaitUntil([&] {
    return world.ServiceMetrics().Sum("herald_requests_ended_total") >=
           kRequests - kMayWait;
  }));
  EXPECT_LE(world.ServiceMetrics().Sum("herald_requests_ended_total"),
            kRequests - kMayWait * 7 / 8);
  EXPECT_LT(SlowestPublish(world.backend()), kUnnoticed);
  // The others have some seconds.
  EXPECT_TRUE(world.WaitUntil(
      [&] {
        return world.ServiceMetrics().Sum("herald_rpcs_total",
                                          {{"method", "Subscribe"},
                                           {"code", "CANCELLED"}}) == kRequests;
      },
      3 * testing_support::kPatience));
}

// Anybody may ask for the health, so nobody's token is looked at.
TEST(HalfRequests, OfThousandsInAnInstantKeepNoCallWaiting) {
  constexpr int kRequests = 3000;
  HeraldWorld world({.gateways = 0, .api_token = "right"});
  world.backend().Call(&testing_support::Stub::GetStats, {});
  HalfCaller caller(world.grpc_address());
  for (int i = 0; i < kRequests; ++i) {
    caller.Begin("/grpc.health.v1.Health/Check", 100);
  }
  std::chrono::steady_clock::duration worst{0};
  EXPECT_TRUE(world.WaitUntil([&] {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_TRUE(
        world.backend().Call(&testing_support::Stub::GetStats, {}).status.ok());
    worst = std::max(worst, std::chrono::steady_clock::now() - began);
    return world.ServiceMetrics().Sum("herald_requests_ended_total") >=
           kRequests - 24;
  }));
  EXPECT_LT(worst, kUnnoticed);
}

TEST(AConnectionWithoutAnAllowedCall, IsEndedWhenItSendsMoreThanARequest) {
  HeraldWorld world({.gateways = 1, .api_token = "right"});
  WebSocketClient& browser = world.Open();
  browser.Subscribe("news");
  // The token of a Broadcast is seen when all of it is there. Frames of unknown
  // types are ignored by HTTP/2, and are no matter of flow control.
  HalfCaller caller(world.grpc_address());
  caller.Begin("/herald.v1.BroadcastService/Broadcast", 100, "wrong");
  caller.SendUnknownFrames(5 << 20);
  EXPECT_TRUE(world.WaitUntil([&] {
    return world.ServiceMetrics().Sum("herald_connections_refused_total") == 1;
  }));
  world.service().WaitForLine("connection refused");
  EXPECT_LT(SlowestPublish(world.backend()), kUnnoticed);
  EXPECT_EQ(browser.Next().String("event"), "e");
  EXPECT_EQ(world.ServiceMetrics().Sum("herald_gateways"), 1);
}

// Its calls come while nobody looks who sends them.
TEST(APublisher, IsNotTakenForAStrangerAfterABurstOnAnIdleConnection) {
  HeraldWorld world({.gateways = 0, .api_token = "token"});
  const auto channel = testing_support::MakeChannel(world.grpc_address());
  const auto stub = v1::BroadcastService::NewStub(channel);
  ASSERT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() +
                                        testing_support::kPatience));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const v1::BroadcastRequest request = testing_support::MakeBroadcast(
      {"news"}, "e", absl::StrCat("\"", std::string(60'000, 'x'), "\""));
  const auto publish = [&] {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer token");
    v1::BroadcastResponse response;
    return stub->Broadcast(&context, request, &response).error_message();
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(publish(), "");
  std::this_thread::sleep_for(std::chrono::seconds(12));
  EXPECT_EQ(world.ServiceMetrics().Sum("herald_connections_refused_total"), 0);
  // Nor is it ended for pings of HTTP/2 that a caller who blocks answers late.
  EXPECT_EQ(publish(), "");
}

TEST(HealthWatches, AreBounded) {
  constexpr int kWatchesMax = 1000 / 2;  // Of one address.
  HeraldWorld world({.gateways = 0, .api_token = "right"});
  const auto channel = testing_support::MakeChannel(world.grpc_address());
  {
    // A connection without an allowed call may have fewer.
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer right");
    v1::GetStatsResponse stats;
    ASSERT_TRUE(v1::BroadcastService::NewStub(channel)
                    ->GetStats(&context, {}, &stats)
                    .ok());
  }
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call;
    grpc::ByteBuffer response;
  };
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return ok;
  };
  std::vector<std::unique_ptr<Watch>> watches;
  const auto open = [&] {
    Watch& watch = *watches.emplace_back(std::make_unique<Watch>());
    watch.call = stub.PrepareCall(&watch.context,
                                  "/grpc.health.v1.Health/Watch", &queue);
    watch.call->StartCall(nullptr);
    next();
    const grpc::Slice empty;
    watch.call->WriteLast(grpc::ByteBuffer(&empty, 1), {}, nullptr);
    next();
    watch.call->Read(&watch.response, nullptr);
    return next();
  };
  for (int i = 0; i < kWatchesMax; ++i) ASSERT_TRUE(open()) << i;
  ASSERT_FALSE(open());
  grpc::Status status;
  watches.back()->call->Finish(&status, nullptr);
  next();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_LT(SlowestPublish(world.backend()), kUnnoticed);

  // One that goes makes room.
  watches.pop_back();
  watches.back()->context.TryCancel();
  watches.back()->call->Finish(&status, nullptr);
  next();
  EXPECT_TRUE(world.WaitUntil([&] { return open(); }));
  for (const auto& watch : watches) watch->context.TryCancel();
  queue.Shutdown();
}

}  // namespace
}  // namespace herald::end_to_end
