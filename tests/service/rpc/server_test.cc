// SPDX-License-Identifier: Apache-2.0
//
// The server's port, health and end.

#include "service/rpc/server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/service/rpc/loopback.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;

// The answer of grpc.health.v1 about a service: 1 is SERVING, 2 NOT_SERVING, 3
// unknown or not there. The messages are small enough to be read by hand.
int HealthOf(Loopback& world, const std::string& service) {
  BoundedContext context;
  grpc::GenericStub stub(world.channel());
  grpc::CompletionQueue queue;
  std::string request;
  if (!service.empty()) {
    request = std::string("\x0a") + static_cast<char>(service.size()) + service;
  }
  const grpc::Slice slice(request);
  const auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check",
                            grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  queue.Shutdown();
  if (!status.ok()) return 3;
  grpc::Slice bytes;
  EXPECT_TRUE(response.DumpToSingleSlice(&bytes).ok());
  return bytes.size() == 2 ? bytes.begin()[1] : 0;
}

TEST(Health, FollowsWhetherTheServiceIsReady) {
  Loopback world({"a token that health does not ask for"});
  for (const char* service : {"", "herald.v1.BroadcastService"}) {
    EXPECT_EQ(HealthOf(world, service), 2) << service;
    world.server().SetReady(true);
    EXPECT_EQ(HealthOf(world, service), 1) << service;
    world.server().SetReady(false);
    EXPECT_EQ(HealthOf(world, service), 2) << service;
  }
  EXPECT_EQ(HealthOf(world, "herald.v1.NoService"), 3);
}

TEST(Listening, OnATakenPortNamesItAndSharesNothing) {
  Loopback world;
  ApiTokens tokens({});
  StreamCounters streams;
  RpcCounters rpcs;
  ServerOptions options;
  options.address = world.server().address();
  SetCore(*world.hub().core(), options);
  options.tokens = &tokens;
  options.links = options.watches = &streams;
  options.rpcs = &rpcs;

  const absl::Status status = Server::Listen(options).status();

  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(options.address));
  EXPECT_THAT(std::string(status.message()), HasSubstr("in use"));
}

// Takes all files but `left`, and gives them back at the end.
class NoFiles {
 public:
  explicit NoFiles(int left) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    const int next = dup(0);
    now.rlim_cur = static_cast<rlim_t>(next + left);
    close(next);
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~NoFiles() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Accepting, GoesOnWhenThereAreFilesAgain) {
  Loopback world;
  ASSERT_TRUE(WaitUntil([&] { return world.server().reachable().ok(); }));
  std::optional<NoFiles> shortage(3);
  // The probe dials with a file that is kept, and waits in the kernel.
  ASSERT_TRUE(WaitUntil([&] { return !world.server().reachable().ok(); }));
  EXPECT_THAT(std::string(world.server().reachable().message()),
              HasSubstr("Too many open files"));
  shortage.reset();
  ASSERT_TRUE(WaitUntil([&] { return world.server().reachable().ok(); }));
  BoundedContext context;
  v1::GetStatsResponse response;
  EXPECT_TRUE(world.backend()->GetStats(&context, {}, &response).ok());
}

TEST(Listening, AtAPathOfAUnixSocketServesCallers) {
  const std::string path =
      absl::StrCat("/tmp/herald-server-test-", getpid(), ".socket");
  Loopback world({}, true, {}, absl::StrCat("unix:", path));
  BoundedContext context;
  v1::GetStatsResponse response;
  EXPECT_TRUE(world.backend()->GetStats(&context, {}, &response).ok());
  EXPECT_TRUE(world.server().reachable().ok());
}

TEST(AMessage, ThatIsFarTooLargeIsNotTakenIn) {
  Loopback world;
  v1::BroadcastRequest request;
  request.add_channels("news");
  request.set_event("e");
  request.set_data(Padded(1, 4 << 20));
  v1::BroadcastResponse response;
  {
    // The hub decides about permission.
    BoundedContext context;
    const grpc::Status status =
        world.backend()->Broadcast(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), HasSubstr("BROADCAST_MAX_PAYLOAD"));
  }
  request.set_data(Padded(1, 5 << 20));
  BoundedContext context;
  const grpc::Status status =
      world.backend()->Broadcast(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("larger than max"));
}

TEST(Draining, EndsStreamsThatWouldStayOpenForEver) {
  Loopback world;
  BoundedContext stream_context;
  const auto stub = world.backend();
  const auto stream = stub->BroadcastStream(&stream_context);
  ASSERT_TRUE(stream->Write(v1::BroadcastStreamRequest()));
  v1::BroadcastStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  const auto start = testing_support::Clock::now();
  world.hub().Stop();

  world.server().Drain(absl::Seconds(30));

  EXPECT_LT(testing_support::Clock::now() - start, std::chrono::seconds(20));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace herald::rpc
