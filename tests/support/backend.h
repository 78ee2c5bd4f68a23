// SPDX-License-Identifier: Apache-2.0
//
// A backend of the application: BroadcastService, called in the shortest way.
//
//   Backend backend(grpc_address);
//   EXPECT_EQ(backend.Broadcast("news", "created", R"({"id":1})"), 2);
//   auto [status, response] = backend.Call(&Stub::GetStats, {});
//
// Every call has a deadline of kPatience.

#ifndef HERALD_TESTS_SUPPORT_BACKEND_H_
#define HERALD_TESTS_SUPPORT_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "grpcpp/grpcpp.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "herald/v1/broadcast_service.pb.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {

using Stub = v1::BroadcastService::Stub;

template <typename Response>
struct Result {
  grpc::Status status;
  Response response;
};

v1::BroadcastRequest MakeBroadcast(std::vector<std::string> channels,
                                   absl::string_view event,
                                   absl::string_view data);

// A Watch that is open.
class Watching {
 public:
  Watching(Stub* stub, std::unique_ptr<grpc::ClientContext> context,
           const std::vector<std::string>& channels);
  ~Watching();

  // The next message; an empty one, and a failure of the test, if the stream
  // has ended.
  v1::ServerMessage Next();

  // Reads to the end, which must come, and returns why.
  grpc::Status WaitForEnd();

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  const std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader_;
  bool has_ended_ = false;
};

class Backend {
 public:
  // `token` goes with each call, unless it is empty.
  explicit Backend(const std::string& address, std::string token = "");

  // Publishes to one channel and returns how many were subscribed. Fails the
  // test if it is refused.
  int64_t Broadcast(absl::string_view channel, absl::string_view event,
                    absl::string_view data,
                    absl::string_view except_socket_id = "");

  // Calls any unary RPC.
  template <typename Request, typename Response>
  Result<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                     const Request&, Response*),
                        const std::type_identity_t<Request>& request) {
    Result<Response> result;
    const std::unique_ptr<grpc::ClientContext> context = MakeContext();
    result.status =
        (stub_.get()->*method)(context.get(), request, &result.response);
    return result;
  }

  // `user_id (n sockets)` of each member of a presence channel, joined by `, `.
  // Fails the test if that is refused.
  std::string Members(absl::string_view channel);

  std::unique_ptr<Watching> Watch(const std::vector<std::string>& channels);

  // For streams.
  std::unique_ptr<grpc::ClientContext> MakeContext() const;
  Stub* stub() { return stub_.get(); }

 private:
  const std::string token_;
  const std::unique_ptr<Stub> stub_;
};

// A channel that redials at once, so that no test waits for a backoff.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_BACKEND_H_
