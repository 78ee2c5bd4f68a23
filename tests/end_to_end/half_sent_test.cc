// SPDX-License-Identifier: Apache-2.0
//
// Callers that send half of a request, or open streams that never end: the
// bounds of their memory, and that a polite client and its backend notice
// nothing.

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/support/canary.h"
#include "tests/support/half_caller.h"
#include "tests/support/herald_world.h"
#include "tests/support/resident_bytes.h"

namespace herald::end_to_end {
namespace {

using testing_support::Canary;
using testing_support::Clock;
using testing_support::HalfCaller;
using testing_support::HeraldWorld;
using testing_support::kMemoryCounts;
using testing_support::kPatience;
using testing_support::kUnnoticed;
using testing_support::ResidentBytes;

constexpr char kSubscribe[] = "/herald.v1.BroadcastService/Subscribe";

// The canary of a world with one gateway.
class CanaryOf : public Canary {
 public:
  explicit CanaryOf(const HeraldWorld& world, const std::string& token = "")
      : Canary(world.gateway_address(0), world.grpc_address(), "", token) {}
};

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
  HeraldWorld world({.gateways = 1});
  CanaryOf canary(world);
  HalfCaller caller(world.grpc_address());
  for (int i = 0; i < kRequests; ++i) caller.Begin(kSubscribe, 100);

  EXPECT_TRUE(world.WaitUntil([&] {
    return world.ServiceMetrics().Sum("herald_requests_ended_total") >=
           kRequests - kMayWait;
  }));
  EXPECT_LE(world.ServiceMetrics().Sum("herald_requests_ended_total"),
            kRequests - kMayWait * 7 / 8);
  // The others have some seconds.
  EXPECT_TRUE(world.WaitUntil(
      [&] {
        return world.ServiceMetrics().Sum("herald_rpcs_total",
                                          {{"method", "Subscribe"},
                                           {"code", "CANCELLED"}}) == kRequests;
      },
      3 * kPatience));
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
}

// The health needs no token, so no caller's token is checked.
TEST(HalfRequests, OfThousandsInAnInstantKeepNoCallWaiting) {
  constexpr int kRequests = 3000;
  HeraldWorld world({.gateways = 1, .api_token = "right"});
  CanaryOf canary(world, "right");
  HalfCaller caller(world.grpc_address());
  // Its connection survives the requests below.
  caller.Begin(kSubscribe, 100, "right");
  for (int i = 0; i < kRequests; ++i) {
    caller.Begin("/grpc.health.v1.Health/Check", 100);
  }
  EXPECT_TRUE(world.WaitUntil([&] {
    EXPECT_TRUE(
        world.backend().Call(&testing_support::Stub::GetStats, {}).status.ok());
    return world.ServiceMetrics().Sum("herald_requests_ended_total") >=
           kRequests - 24;
  }));
  // As many calls of a proper caller would take some of that, too.
  EXPECT_LT(canary.TakeWorst(), 3 * kUnnoticed);
}

TEST(AConnectionWithoutAnAllowedCall, IsEndedWhenItSendsMoreThanARequest) {
  HeraldWorld world({.gateways = 1, .api_token = "right"});
  CanaryOf canary(world, "right");
  // The token of a Broadcast is seen when all of it is there. Frames of unknown
  // types are ignored by HTTP/2, and are no matter of flow control.
  HalfCaller caller(world.grpc_address());
  caller.Begin("/herald.v1.BroadcastService/Broadcast", 100, "wrong");
  caller.SendUnknownFrames(5 << 20);
  EXPECT_TRUE(world.WaitUntil([&] {
    return world.ServiceMetrics().Sum("herald_connections_refused_total") == 1;
  }));
  world.service().WaitForLine("connection refused");
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
  EXPECT_EQ(world.ServiceMetrics().Sum("herald_gateways"), 1);
}

// A flood of calls on one connection, none of which shows a token.
class ManyCalls : public ::testing::TestWithParam<std::string> {};

TEST_P(ManyCalls, OfAStrangerTakeABoundedMemory) {
  constexpr int kCalls = 12'000;  // As gRPC makes them, 200 MiB.
  HeraldWorld world({.gateways = 1, .api_token = "right"});
  CanaryOf canary(world, "right");
  const int64_t before = ResidentBytes(world.service());
  int64_t most = 0;
  HalfCaller caller(world.grpc_address());
  for (int i = 0; i < kCalls; ++i) {
    if (!caller.Call(GetParam())) break;
    if (i % 100 == 0) {
      most = std::max(most, ResidentBytes(world.service()) - before);
    }
  }
  EXPECT_TRUE(world.WaitUntil([&] {
    most = std::max(most, ResidentBytes(world.service()) - before);
    caller.SendMore(0);
    return caller.ended();
  }));
  if (kMemoryCounts) {
    EXPECT_LT(most, 150 << 20);
    EXPECT_TRUE(world.WaitUntil(
        [&] { return ResidentBytes(world.service()) - before < 40 << 20; }));
  }
  EXPECT_EQ(world.ServiceMetrics().Sum("herald_connections_refused_total"), 1);
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
}

INSTANTIATE_TEST_SUITE_P(
    , ManyCalls,
    ::testing::Values("/grpc.health.v1.Health/Watch",
                      "/grpc.health.v1.Health/Check",
                      "/herald.v1.BroadcastService/Broadcast",
                      "/herald.v1.BroadcastService/Watch",
                      "/herald.link.v1.GatewayService/Attach", "/no.Such/Rpc"),
    [](const auto& param) {
      return absl::StrReplaceAll(param.param, {{"/", "_"}, {".", "_"}});
    });

// gRPC hands a unary call over when its message is whole; the headers alone
// take as much memory.
TEST(AConnectionWithoutAnAllowedCall, IsEndedForStreamsThatHaveOnlyHeaders) {
  HeraldWorld world({.gateways = 1, .api_token = "right"});
  CanaryOf canary(world, "right");
  HalfCaller caller(world.grpc_address());
  for (int i = 0; i < 1100; ++i) {
    if (!caller.BeginHeaders("/herald.v1.BroadcastService/Broadcast")) break;
  }
  EXPECT_TRUE(world.WaitUntil([&] {
    caller.SendMore(0);
    return caller.ended();
  }));
  EXPECT_EQ(world.ServiceMetrics().Sum("herald_connections_refused_total"), 1);
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
}

// A load balancer shows no token, and asks for years on one connection.
TEST(AHealthChecker, IsNotEndedHoweverMuchItHasSentInTime) {
  HeraldWorld world({.gateways = 0, .api_token = "right"});
  const auto channel = testing_support::MakeChannel(world.grpc_address());
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const Clock::time_point end = Clock::now() + std::chrono::seconds(13);
  int checks = 0;
  grpc::Status status;
  while (status.ok() && Clock::now() < end) {
    grpc::ClientContext context;
    // Another one each time, or it would take a byte.
    context.AddMetadata("x-request-id",
                        absl::StrCat(checks, std::string(1000, 'x')));
    const grpc::Slice empty;
    const grpc::ByteBuffer request(&empty, 1);
    grpc::ByteBuffer response;
    const auto call = stub.PrepareUnaryCall(
        &context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    ++checks;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(status.ok()) << status.error_message() << " after " << checks;
  EXPECT_GT(checks, 100) << "too few to be more than 64 KiB";
  EXPECT_EQ(world.ServiceMetrics().Sum("herald_connections_refused_total"), 0);
  queue.Shutdown();
}

// Its calls come while no connection is watched.
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
  // Nor is it ended for late answers to HTTP/2 pings of a caller that blocks.
  EXPECT_EQ(publish(), "");
}

// Callers that send large messages except for the last byte, at a bounded
// speed, which bounds the memory that the service holds for a moment. A
// connection that is ended is followed by another.
class HalfMessages : public ::testing::Test {
 protected:
  // The largest that gRPC takes has BROADCAST_MAX_PAYLOAD more.
  static constexpr int64_t kMessageBytes = 4 << 20;
  static constexpr int64_t kBytesPerSecond = 64 << 20;
  static constexpr int64_t kBytesMax = 6 * kBytesPerSecond;

  void Start(const std::string& token) {
    world_ = std::make_unique<HeraldWorld>(
        testing_support::HeraldWorldOptions{.gateways = 1, .api_token = token});
    canary_ = std::make_unique<CanaryOf>(*world_, token);
    before_ = ResidentBytes(world_->service());
  }

  // Sends kBytesMax, or as much as is accepted, from so many callers with so
  // many calls each. Returns the most memory that the service has held
  // meanwhile.
  int64_t Attack(size_t callers, size_t calls, const std::string& path,
                 const std::string& token) {
    std::vector<std::unique_ptr<HalfCaller>> all(callers);
    int64_t most = 0;
    const Clock::time_point began = Clock::now();
    Clock::time_point progress = began;
    while (sent_ < kBytesMax && Clock::now() < progress + kPatience / 5) {
      for (size_t i = 0; i < callers; ++i) {
        if (all[i] == nullptr || all[i]->ended()) {
          all[i] = std::make_unique<HalfCaller>(
              world_->grpc_address(), absl::StrCat("127.0.0.", 2 + i % 10));
          for (size_t j = 0; j < calls; ++j) {
            all[i]->Begin(path, static_cast<uint32_t>(kMessageBytes), token);
          }
        }
        const int64_t more = all[i]->SendMore(128 << 10);
        if (more > 0) progress = Clock::now();
        sent_ += more;
        std::this_thread::sleep_until(
            began +
            std::chrono::microseconds(sent_ * 1'000'000 / kBytesPerSecond));
      }
      most = std::max(most, held());
    }
    return most;
  }

  int64_t held() { return ResidentBytes(world_->service()) - before_; }

  // HeapTrim returns memory when 32 MiB are free.
  void ExpectAllToBeGivenBack() {
    if (!kMemoryCounts) return;
    const auto is_back = [&] { return held() < 40 << 20; };
    EXPECT_TRUE(world_->WaitUntil(is_back)) << held() << " bytes";
  }

  std::unique_ptr<HeraldWorld> world_;
  std::unique_ptr<Canary> canary_;
  int64_t sent_ = 0;

 private:
  int64_t before_ = 0;
};

TEST_F(HalfMessages, OfStrangersTakeABoundedMemory) {
  Start("right");
  const int64_t most = Attack(/*callers=*/100, /*calls=*/1,
                              "/herald.v1.BroadcastService/Broadcast", "wrong");
  EXPECT_GE(sent_, kBytesMax);
  // connections.h: 64 MiB of all strangers; the bytes that arrive until the
  // kernel is asked the next time, in 0.2 s; and the bytes of ended connections
  // in the second that they have to read their GOAWAY. A busy machine is late
  // for both.
  if (kMemoryCounts) {
    EXPECT_LT(most, (64 << 20) + 5 * kBytesPerSecond / 2);
  }
  EXPECT_LT(canary_->TakeWorst(), kUnnoticed);
  ExpectAllToBeGivenBack();
}

TEST_F(HalfMessages, OfCallersThatAreAllowedTakeABoundedMemory) {
  Start("");
  const int64_t most =
      Attack(/*callers=*/10, /*calls=*/6, kSubscribe, /*token=*/"");
  EXPECT_GE(world_->ServiceMetrics().Sum("herald_requests_ended_total"),
            60 - 24);
  // waiting_calls.h: 24 calls, with a message each; and the bytes of the moment
  // in which more may wait, on a busy machine.
  if (kMemoryCounts) {
    EXPECT_LT(most, 24 * kMessageBytes + kBytesPerSecond / 2);
  }
  EXPECT_LT(canary_->TakeWorst(), kUnnoticed);
  ExpectAllToBeGivenBack();
}

TEST(HealthWatches, AreBounded) {
  constexpr int kWatchesMax = 1000 / 2;  // Of one address.
  HeraldWorld world({.gateways = 1, .api_token = "right"});
  CanaryOf canary(world, "right");
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
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);

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
