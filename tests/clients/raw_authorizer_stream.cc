// SPDX-License-Identifier: Apache-2.0

#include "tests/clients/raw_authorizer_stream.h"

namespace herald::testing_support {

std::shared_ptr<grpc::Channel> DialAlone(int port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                   grpc::InsecureChannelCredentials(),
                                   arguments);
}

RawAuthorizerStream::RawAuthorizerStream(int port, Reads reads)
    : stub_(v1::AuthorizerService::NewStub(DialAlone(port))),
      stream_(stub_->Authorize(&context_)) {
  if (reads == Reads::kAll) reader_ = std::thread([this] { Read(); });
}

RawAuthorizerStream::~RawAuthorizerStream() {
  context_.TryCancel();
  if (reader_.joinable()) {
    reader_.join();
  } else if (!has_ended_) {
    Read();  // A stream must be read to its end.
  }
}

bool RawAuthorizerStream::Ask(int64_t request_id, const std::string& channel,
                              const std::string& auth_token,
                              const std::string& socket_id) {
  v1::AuthorizeRequest request;
  request.set_request_id(request_id);
  request.set_socket_id(socket_id);
  request.set_channel(channel);
  request.set_auth_token(auth_token);
  return stream_->Write(request);
}

bool RawAuthorizerStream::Keepalive() {
  v1::AuthorizeRequest request;
  request.mutable_keepalive();
  return stream_->Write(request);
}

v1::AuthorizeResponse RawAuthorizerStream::TakeAnswer() {
  return answers_.Take().value_or(v1::AuthorizeResponse());
}

v1::Decision RawAuthorizerStream::TakeDecision() {
  const v1::AuthorizeResponse answer = TakeAnswer();
  EXPECT_TRUE(answer.has_decision()) << answer.DebugString();
  return answer.decision();
}

v1::Revocation RawAuthorizerStream::TakeRevocation() {
  const v1::AuthorizeResponse answer = TakeAnswer();
  EXPECT_TRUE(answer.has_revocation()) << answer.DebugString();
  return answer.revocation();
}

void RawAuthorizerStream::HalfClose() { stream_->WritesDone(); }

grpc::Status RawAuthorizerStream::TakeEnd() {
  if (!reader_.joinable() && !has_ended_) Read();
  return ends_.Take().value_or(grpc::Status::CANCELLED);
}

void RawAuthorizerStream::Read() {
  v1::AuthorizeResponse response;
  while (stream_->Read(&response)) {
    if (response.has_ready()) {
      ++ready_count_;
    } else {
      answers_.Put(response);
    }
  }
  ends_.Put(stream_->Finish());
  has_ended_ = true;
}

}  // namespace herald::testing_support
