// SPDX-License-Identifier: Apache-2.0

#include "tests/support/scripted_authorizer.h"

#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/unknown_field_set.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "herald/v1/authorizer_service.grpc.pb.h"
#include "tests/support/restartable_port.h"

namespace herald::testing_support {
namespace {

using v1::AuthorizeRequest;
using v1::AuthorizeResponse;

}  // namespace

AuthorizeResponse Allow(const AuthorizeRequest& question) {
  AuthorizeResponse response;
  response.mutable_decision()->set_request_id(question.request_id());
  response.mutable_decision()->set_allowed(true);
  return response;
}

AuthorizeResponse AllowUser(const AuthorizeRequest& question,
                            absl::string_view user_id,
                            absl::string_view user_info) {
  AuthorizeResponse response = Allow(question);
  v1::Member* const member = response.mutable_decision()->mutable_member();
  member->set_user_id(std::string(user_id));
  member->set_user_info(std::string(user_info));
  return response;
}

AuthorizeResponse Deny(const AuthorizeRequest& question,
                       absl::string_view reason) {
  AuthorizeResponse response;
  response.mutable_decision()->set_request_id(question.request_id());
  response.mutable_decision()->set_reason(std::string(reason));
  return response;
}

AuthorizeResponse Broken() {
  AuthorizeResponse response;
  google::protobuf::UnknownFieldSet* const fields =
      response.GetReflection()->MutableUnknownFields(&response);
  // In the place of the decision, one that ends in the middle of its id.
  fields->AddLengthDelimited(AuthorizeResponse::kDecisionFieldNumber,
                             "\x08\xff");
  return response;
}

AuthorizeResponse RevokeUser(absl::string_view user_id,
                             absl::string_view channel,
                             absl::string_view reason) {
  AuthorizeResponse response;
  response.mutable_revocation()->set_user_id(std::string(user_id));
  response.mutable_revocation()->set_channel(std::string(channel));
  response.mutable_revocation()->set_reason(std::string(reason));
  return response;
}

AuthorizeResponse RevokeSocket(absl::string_view socket_id,
                               absl::string_view channel,
                               absl::string_view reason) {
  AuthorizeResponse response;
  response.mutable_revocation()->set_socket_id(std::string(socket_id));
  response.mutable_revocation()->set_channel(std::string(channel));
  response.mutable_revocation()->set_reason(std::string(reason));
  return response;
}

AuthorizeResponse Expiring(AuthorizeResponse response, Milliseconds lifetime) {
  google::protobuf::Duration* const expires =
      response.mutable_decision()->mutable_expires_after();
  expires->set_seconds(lifetime.count() / 1000);
  expires->set_nanos(static_cast<int>(lifetime.count() % 1000) * 1000000);
  return response;
}

std::vector<AuthorizeResponse> AnswerByToken(const AuthorizeRequest& question) {
  absl::string_view token = question.auth_token();
  if (token == "yes") return {Allow(question)};
  if (token == "no") return {Deny(question, "not yours")};
  if (token == "silence") return {};
  if (absl::ConsumePrefix(&token, "user:")) {
    return {AllowUser(question, token,
                      absl::StrCat(R"({"name":")", token, R"("})"))};
  }
  return {Deny(question, "unknown token")};
}

// One gRPC server at a time; one thread of gRPC's for each stream.
class ScriptedAuthorizer::Impl final : public v1::AuthorizerService::Service {
 public:
  using Stream = grpc::ServerReaderWriter<AuthorizeResponse, AuthorizeRequest>;

  grpc::Status Authorize(grpc::ServerContext*, Stream* stream) override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      streams_.push_back(stream);
      ++stream_count_;
    }
    AuthorizeRequest question;
    while (stream->Read(&question)) HandleQuestion(question, stream);
    std::lock_guard<std::mutex> lock(mutex_);
    std::erase(streams_, stream);
    return grpc::Status::OK;
  }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_),
                             grpc::InsecureServerCredentials(), &port_);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) ADD_FAILURE() << "the authorizer cannot listen";
  }

  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  bool TrySay(const AuthorizeResponse& response) {
    std::lock_guard<std::mutex> lock(mutex_);
    return !streams_.empty() && streams_.back()->Write(response);
  }

  int port() const { return port_; }

  // Guards all below, and the write side of every stream.
  mutable std::mutex mutex_;
  Script script_ = AnswerByToken;
  std::vector<AuthorizeRequest> questions_;
  int stream_count_ = 0;

 private:
  void HandleQuestion(const AuthorizeRequest& question, Stream* stream) {
    std::lock_guard<std::mutex> lock(mutex_);
    questions_.push_back(question);
    for (const AuthorizeResponse& response : script_(question)) {
      stream->Write(response);
    }
  }

  std::vector<Stream*> streams_;  // Under mutex_.
  int port_ = RestartablePort();
  std::unique_ptr<grpc::Server> server_;
};

ScriptedAuthorizer::ScriptedAuthorizer() : impl_(std::make_unique<Impl>()) {
  impl_->Start();
}

ScriptedAuthorizer::~ScriptedAuthorizer() { impl_->Stop(); }

std::string ScriptedAuthorizer::address() const {
  return absl::StrCat("127.0.0.1:", impl_->port());
}

void ScriptedAuthorizer::Answer(Script script) {
  std::lock_guard<std::mutex> lock(impl_->mutex_);
  impl_->script_ = std::move(script);
}

void ScriptedAuthorizer::Say(const AuthorizeResponse& response) {
  EXPECT_TRUE(WaitUntil([&] { return impl_->TrySay(response); }))
      << "no stream to say it on";
}

void ScriptedAuthorizer::Stop() { impl_->Stop(); }

void ScriptedAuthorizer::Start() { impl_->Start(); }

std::vector<AuthorizeRequest> ScriptedAuthorizer::questions() const {
  std::lock_guard<std::mutex> lock(impl_->mutex_);
  return impl_->questions_;
}

size_t ScriptedAuthorizer::question_count() const {
  std::lock_guard<std::mutex> lock(impl_->mutex_);
  return impl_->questions_.size();
}

int ScriptedAuthorizer::stream_count() const {
  std::lock_guard<std::mutex> lock(impl_->mutex_);
  return impl_->stream_count_;
}

}  // namespace herald::testing_support
