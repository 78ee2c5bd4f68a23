// SPDX-License-Identifier: Apache-2.0
//
// Herald from an authorizer's point of view: a client of AuthorizerService on a
// plain gRPC stream, which may also break every rule.

#ifndef HERALD_TESTS_CLIENTS_RAW_AUTHORIZER_STREAM_H_
#define HERALD_TESTS_CLIENTS_RAW_AUTHORIZER_STREAM_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "grpcpp/grpcpp.h"
#include "herald/v1/authorizer_service.grpc.pb.h"
#include "tests/clients/mailbox.h"

namespace herald::testing_support {

class RawAuthorizerStream {
 public:
  enum class Reads { kAll, kNothing };

  // Dials on a connection of its own.
  explicit RawAuthorizerStream(int port, Reads reads = Reads::kAll);

  // Cancels.
  ~RawAuthorizerStream();

  // Asks. False if the stream has ended.
  bool Ask(int64_t request_id, const std::string& channel,
           const std::string& auth_token = "",
           const std::string& socket_id = "1.2");

  // Asks for a sign of life; how many have come, which are no answers.
  bool Keepalive();
  int ready_count() const { return ready_count_; }

  // The next answer, which must be of the kind in the method's name.
  v1::AuthorizeResponse TakeAnswer();
  v1::Decision TakeDecision();
  v1::Revocation TakeRevocation();

  // No more questions.
  void HalfClose();

  // Waits for the end of the stream.
  grpc::Status TakeEnd();

  // Answers that have come and were not taken.
  size_t waiting() const { return answers_.size(); }

 private:
  void Read();

  grpc::ClientContext context_;
  const std::unique_ptr<v1::AuthorizerService::Stub> stub_;
  const std::unique_ptr<
      grpc::ClientReaderWriter<v1::AuthorizeRequest, v1::AuthorizeResponse>>
      stream_;
  Mailbox<v1::AuthorizeResponse> answers_;
  Mailbox<grpc::Status> ends_;
  std::atomic<int> ready_count_ = 0;
  bool has_ended_ = false;  // Touched only by Read() and, without reader_, us.
  std::thread reader_;
};

// A channel that shares its connection with no other.
std::shared_ptr<grpc::Channel> DialAlone(int port);

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_CLIENTS_RAW_AUTHORIZER_STREAM_H_
