// SPDX-License-Identifier: Apache-2.0
//
// Which callers are allowed, and that every method checks it.

#include "service/rpc/gate/api_token.h"

#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/service/rpc/loopback.h"

namespace herald::rpc {
namespace {

bool IsShown(const ApiTokens& tokens, const char* authorization) {
  const absl::Status status = tokens.CheckAuthorization(authorization);
  EXPECT_TRUE(status.ok() || absl::IsUnauthenticated(status)) << status;
  return status.ok();
}

TEST(ApiTokens, AllowAllCallersWhenThereAreNone) {
  const ApiTokens tokens({});
  EXPECT_TRUE(IsShown(tokens, ""));
  EXPECT_TRUE(IsShown(tokens, "Bearer whatever"));
}

TEST(ApiTokens, AllowACallerWithAnyOfThem) {
  const ApiTokens tokens({"first", "second"});
  EXPECT_TRUE(IsShown(tokens, "Bearer first"));
  EXPECT_TRUE(IsShown(tokens, "bearer second"));
}

TEST(ApiTokens, KeepOutAllOthers) {
  const ApiTokens tokens({"first", "second"});
  for (const char* shown :
       {"", "first", "Bearer", "Bearer ", "Bearer firs", "Bearer first2",
        "Bearer FIRST", "Basic first", "Bearer first,second"}) {
    EXPECT_FALSE(IsShown(tokens, shown)) << shown;
  }
}

TEST(ApiTokens, DoNotRepeatTheShownToken) {
  const absl::Status status =
      ApiTokens({"first"}).CheckAuthorization("Bearer hunter2");
  EXPECT_EQ(status.message().find("hunter2"), absl::string_view::npos);
}

// Calls a method with an empty message, as any kind of call.
grpc::Status CallWithout(Loopback& world, const std::string& method,
                         const char* authorization) {
  BoundedContext context;
  if (authorization != nullptr) {
    context.AddMetadata("authorization", authorization);
  }
  grpc::GenericStub stub(world.channel());
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  next();
  grpc::ByteBuffer empty(nullptr, 0);
  call->WriteLast(empty, {}, nullptr);
  next();
  // The status comes behind the messages, so those have to be read.
  grpc::ByteBuffer message;
  do {
    call->Read(&message, nullptr);
  } while (next());
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  queue.Shutdown();
  return status;
}

constexpr const char* kMethods[] = {
    "/herald.v1.BroadcastService/Broadcast",
    "/herald.v1.BroadcastService/BroadcastStream",
    "/herald.v1.BroadcastService/Subscribe",
    "/herald.v1.BroadcastService/Unsubscribe",
    "/herald.v1.BroadcastService/GetMembers",
    "/herald.v1.BroadcastService/GetChannel",
    "/herald.v1.BroadcastService/ListChannels",
    "/herald.v1.BroadcastService/GetStats",
    "/herald.v1.BroadcastService/Disconnect",
    "/herald.v1.BroadcastService/Watch",
    "/herald.link.v1.GatewayService/Attach",
};

TEST(ApiTokens, AreAskedForByEveryMethod) {
  Loopback world({"secret"}, /*reflection=*/false);
  for (const char* method : kMethods) {
    EXPECT_EQ(CallWithout(world, method, nullptr).error_code(),
              grpc::StatusCode::UNAUTHENTICATED)
        << method;
    EXPECT_EQ(CallWithout(world, method, "Bearer wrong").error_code(),
              grpc::StatusCode::UNAUTHENTICATED)
        << method;
  }
}

TEST(ApiTokens, OpenEveryMethodWhenTheyAreRight) {
  Loopback world({"secret"}, /*reflection=*/false);
  for (const char* method : kMethods) {
    const grpc::Status status = CallWithout(world, method, "Bearer secret");
    EXPECT_NE(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
    EXPECT_NE(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }
}

TEST(Reflection, IsServedUnlessItIsTurnedOff) {
  const std::string method =
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  Loopback open;
  EXPECT_TRUE(CallWithout(open, method, nullptr).ok());
  Loopback closed({"secret"}, /*reflection=*/false);
  EXPECT_EQ(CallWithout(closed, method, "Bearer secret").error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace herald::rpc
