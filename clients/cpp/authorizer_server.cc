// SPDX-License-Identifier: Apache-2.0

#include "herald/client/authorizer_server.h"

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "clients/cpp/authorizer_stream.h"
#include "clients/cpp/dial.h"
#include "clients/cpp/revocation_log.h"
#include "clients/cpp/worker_pool.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "herald/v1/authorizer_service.grpc.pb.h"
#include "proto/contract/address.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/limits.h"
#include "proto/contract/mutex.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::client {
namespace {

// What Shutdown() gives streams to end by themselves; then they are cancelled.
constexpr absl::Duration kShutdownGrace = absl::Seconds(1);

// Makes the streams and wakes them. The lock is never held while a stream is
// called.
class Service final : public v1::AuthorizerService::CallbackService,
                      public AuthorizerStream::Host {
 public:
  Service(const AuthorizerServerOptions& options, ChannelAuthorizer* authorizer)
      : streams_max_(static_cast<size_t>(options.streams_max)),
        authorizer_(authorizer),
        log_(absl::ToChronoNanoseconds(options.revocation_memory),
             static_cast<size_t>(options.revocations_max)),
        pool_(options.threads) {}

  void Revoke(v1::Revocation revocation) {
    log_.Append(std::move(revocation), RevocationLog::Clock::now());
    for (const auto& stream : Streams()) stream->Wake();
  }

  // Ends all streams and refuses new ones.
  void Close() {
    {
      contract::MutexLock lock(&mutex_);
      closed_ = true;
    }
    for (const auto& stream : Streams()) {
      stream->Close(absl::UnavailableError("the authorizer stops"));
    }
  }

  WorkerPool* pool() override { return &pool_; }

 private:
  grpc::ServerBidiReactor<v1::AuthorizeRequest, v1::AuthorizeResponse>*
  Authorize(grpc::CallbackServerContext* context) override {
    auto stream = std::make_shared<AuthorizerStream>(context, this);
    if (absl::Status status = Add(stream); !status.ok()) {
      stream->Close(std::move(status));
    }
    stream->Start(stream);
    return stream.get();
  }

  absl::Status Add(const std::shared_ptr<AuthorizerStream>& stream)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    contract::MutexLock lock(&mutex_);
    if (closed_) return absl::UnavailableError("the authorizer stops");
    if (streams_.size() >= streams_max_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the authorizer serves ", streams_max_, " streams"));
    }
    streams_.emplace(stream.get(), stream);
    return absl::OkStatus();
  }

  std::vector<std::shared_ptr<AuthorizerStream>> Streams()
      ABSL_LOCKS_EXCLUDED(mutex_) {
    std::vector<std::shared_ptr<AuthorizerStream>> streams;
    contract::MutexLock lock(&mutex_);
    for (const auto& [key, stream] : streams_) streams.push_back(stream);
    return streams;
  }

  ChannelAuthorizer* authorizer() override { return authorizer_; }
  RevocationLog* log() override { return &log_; }
  void OnStreamDone(AuthorizerStream* stream) override {
    contract::MutexLock lock(&mutex_);
    streams_.erase(stream);
  }

  // Constant after construction.
  const size_t streams_max_;
  ChannelAuthorizer* const authorizer_;
  RevocationLog log_;

  contract::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<AuthorizerStream*, std::shared_ptr<AuthorizerStream>>
      streams_ ABSL_GUARDED_BY(mutex_);

  WorkerPool pool_;  // Last: its tasks use the others.
};

absl::Status CheckRevocation(absl::string_view channel,
                             absl::string_view reason) {
  if (!channel.empty()) {
    absl::Status status = contract::CheckChannelName(channel);
    if (!status.ok()) return status;
  }
  return CheckTexts({{"reason", reason}});
}

v1::Revocation MakeRevocation(absl::string_view channel,
                              absl::string_view reason) {
  v1::Revocation revocation;
  revocation.set_channel(std::string(channel));
  revocation.set_reason(
      std::string(contract::CutUtf8(reason, contract::kReasonBytesMax)));
  return revocation;
}

}  // namespace

class AuthorizerServer::Impl {
 public:
  Impl(const AuthorizerServerOptions& options, ChannelAuthorizer* authorizer)
      : service_(options, authorizer) {}

  absl::Status Listen(const std::string& address) {
    grpc::ServerBuilder builder;
    // Otherwise a second authorizer would share the port, and the questions.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(
        static_cast<int>(contract::kAuthorizerMessageBytesMax));
    // Herald pings an idle stream every 6 minutes. Peers that do so more often
    // are not sent away for it.
    builder.AddChannelArgument(
        GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr && port_ != 0) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address,
                     "; is the port taken, or the address not of here?"));
  }

  void Shutdown() {
    service_.Close();
    if (server_ != nullptr) {
      server_->Shutdown(contract::GrpcDeadline(kShutdownGrace));
    }
    service_.pool()->Stop();
  }

  int port() const { return port_; }
  Service* service() { return &service_; }

 private:
  Service service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;  // Last: its streams use service_.
};

absl::StatusOr<std::unique_ptr<AuthorizerServer>> AuthorizerServer::Start(
    AuthorizerServerOptions options, ChannelAuthorizer* authorizer) {
  contract::Require(authorizer != nullptr && options.streams_max > 0 &&
                    options.revocations_max > 0);
  const absl::Status form = contract::CheckListenAddress(options.address);
  if (!form.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "address ", contract::Quoted(options.address), " ", form.message(),
        " (allowed: ", contract::kListenAddressForms, ")"));
  }
  auto impl = std::make_unique<Impl>(options, authorizer);
  absl::Status status = impl->Listen(options.address);
  if (!status.ok()) return status;
  return std::unique_ptr<AuthorizerServer>(
      new AuthorizerServer(std::move(impl)));
}

AuthorizerServer::AuthorizerServer(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

AuthorizerServer::~AuthorizerServer() { Shutdown(); }

int AuthorizerServer::port() const { return impl_->port(); }

absl::Status AuthorizerServer::RevokeSocket(absl::string_view socket_id,
                                            absl::string_view channel,
                                            absl::string_view reason) {
  if (!contract::ParseSocketId(socket_id).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "socket_id ", contract::Quoted(socket_id), " is not digits.digits"));
  }
  absl::Status status = CheckRevocation(channel, reason);
  if (!status.ok()) return status;
  v1::Revocation revocation = MakeRevocation(channel, reason);
  revocation.set_socket_id(std::string(socket_id));
  impl_->service()->Revoke(std::move(revocation));
  return absl::OkStatus();
}

absl::Status AuthorizerServer::RevokeUser(absl::string_view user_id,
                                          absl::string_view channel,
                                          absl::string_view reason) {
  absl::Status status = contract::CheckUserId(user_id);
  if (status.ok()) status = CheckRevocation(channel, reason);
  if (!status.ok()) return status;
  v1::Revocation revocation = MakeRevocation(channel, reason);
  revocation.set_user_id(std::string(user_id));
  impl_->service()->Revoke(std::move(revocation));
  return absl::OkStatus();
}

void AuthorizerServer::Shutdown() { impl_->Shutdown(); }

}  // namespace herald::client
