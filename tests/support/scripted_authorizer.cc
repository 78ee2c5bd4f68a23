// SPDX-License-Identifier: Apache-2.0

#include "tests/support/scripted_authorizer.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
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

AuthorizeResponse Ready() {
  AuthorizeResponse response;
  response.mutable_ready();
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

  ~Impl() override {
    Stop();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    asked_.notify_all();
    for (std::thread& decider : deciders_) decider.join();
  }

  void DecideOnThreads(int threads, Milliseconds latency) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (int i = 0; i < threads; ++i) {
      deciders_.emplace_back([this, latency] { Decide(latency); });
    }
  }

  grpc::Status Authorize(grpc::ServerContext*, Stream* stream) override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      streams_.push_back(stream);
      ++stream_count_;
      if (ready_) stream->Write(Ready());
    }
    grpc::Status status;
    try {
      AuthorizeRequest question;
      while (stream->Read(&question)) HandleQuestion(question, stream);
    } catch (const std::exception& error) {
      status = grpc::Status(grpc::StatusCode::UNKNOWN, error.what());
    }
    std::lock_guard<std::mutex> lock(mutex_);
    std::erase(streams_, stream);
    return status;
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

  bool TrySend(const AuthorizeResponse& response) {
    std::lock_guard<std::mutex> lock(mutex_);
    return !streams_.empty() && streams_.back()->Write(response);
  }

  int port() const { return port_; }

  // Guards all below, and the write side of every stream.
  mutable std::mutex mutex_;
  Script script_ = AnswerByToken;
  std::vector<AuthorizeRequest> questions_;
  int stream_count_ = 0;
  bool ready_ = false;
  int keepalive_count_ = 0;

 private:
  void HandleQuestion(const AuthorizeRequest& question, Stream* stream) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (question.has_keepalive()) {
      ++keepalive_count_;
      stream->Write(Ready());
      return;
    }
    questions_.push_back(question);
    std::vector<AuthorizeResponse> responses = script_(question);
    if (!deciders_.empty()) {
      waiting_.emplace_back(std::move(responses), stream);
      asked_.notify_one();
      return;
    }
    for (const AuthorizeResponse& response : responses) {
      stream->Write(response);
    }
  }

  // The work of a thread of DecideOnThreads().
  void Decide(Milliseconds latency) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      asked_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      const auto [responses, stream] = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      std::this_thread::sleep_for(latency);
      lock.lock();
      if (std::find(streams_.begin(), streams_.end(), stream) ==
          streams_.end()) {
        continue;
      }
      for (const AuthorizeResponse& response : responses) {
        stream->Write(response);
      }
    }
  }

  // Under mutex_.
  std::vector<Stream*> streams_;
  std::deque<std::pair<std::vector<AuthorizeResponse>, Stream*>> waiting_;
  std::vector<std::thread> deciders_;
  std::condition_variable asked_;
  bool stopping_ = false;

  int port_ = RestartablePort();
  std::unique_ptr<grpc::Server> server_;
};

ScriptedAuthorizer::ScriptedAuthorizer() : impl_(std::make_unique<Impl>()) {
  impl_->Start();
}

ScriptedAuthorizer::~ScriptedAuthorizer() = default;

std::string ScriptedAuthorizer::address() const {
  return absl::StrCat("127.0.0.1:", impl_->port());
}

void ScriptedAuthorizer::Answer(Script script) {
  std::lock_guard<std::mutex> lock(impl_->mutex_);
  impl_->script_ = std::move(script);
}

void ScriptedAuthorizer::DecideOnThreads(int threads, Milliseconds latency) {
  impl_->DecideOnThreads(threads, latency);
}

void ScriptedAuthorizer::Send(const AuthorizeResponse& response) {
  EXPECT_TRUE(WaitUntil([&] { return impl_->TrySend(response); }))
      << "there is no stream";
}

void ScriptedAuthorizer::KnowKeepalives() {
  std::lock_guard<std::mutex> lock(impl_->mutex_);
  impl_->ready_ = true;
}

int ScriptedAuthorizer::keepalive_count() const {
  std::lock_guard<std::mutex> lock(impl_->mutex_);
  return impl_->keepalive_count_;
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
