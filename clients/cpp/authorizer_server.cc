// SPDX-License-Identifier: Apache-2.0

#include "herald/client/authorizer_server.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "clients/cpp/answer_stream.h"
#include "clients/cpp/dial.h"
#include "clients/cpp/revocation_log.h"
#include "clients/cpp/timer_waker.h"
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
#include "proto/process/acceptor.h"
#include "proto/process/listening_sockets.h"

namespace herald::client {
namespace {

// Time that Shutdown() gives streams to end by themselves; then they are
// cancelled.
constexpr absl::Duration kShutdownGrace = absl::Seconds(1);

// For a ping to be answered, and for bytes to be acknowledged.
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(5);

// None is reserved: other needs of the process for files are its own concern.
int AnyDescriptor() { return std::numeric_limits<int>::max(); }

// Makes the streams and wakes them. The lock is never held while a stream is
// called.
class StreamService final : public v1::AuthorizerService::CallbackService,
                            public AnswerStream::Host {
 public:
  StreamService(const AuthorizerServerOptions& options,
                ChannelAuthorizer* authorizer)
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
    auto stream = std::make_shared<AnswerStream>(context, this);
    if (absl::Status status = Add(stream); !status.ok()) {
      stream->Close(std::move(status));
    }
    stream->Start(stream);
    return stream.get();
  }

  absl::Status Add(const std::shared_ptr<AnswerStream>& stream)
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

  std::vector<std::shared_ptr<AnswerStream>> Streams()
      ABSL_LOCKS_EXCLUDED(mutex_) {
    std::vector<std::shared_ptr<AnswerStream>> streams;
    contract::MutexLock lock(&mutex_);
    for (const auto& [key, stream] : streams_) streams.push_back(stream);
    return streams;
  }

  ChannelAuthorizer* authorizer() override { return authorizer_; }
  RevocationLog* log() override { return &log_; }
  void OnStreamDone(AnswerStream* stream) override {
    contract::MutexLock lock(&mutex_);
    streams_.erase(stream);
  }

  // Constant after construction.
  const size_t streams_max_;
  ChannelAuthorizer* const authorizer_;
  RevocationLog log_;

  contract::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<AnswerStream*, std::shared_ptr<AnswerStream>> streams_
      ABSL_GUARDED_BY(mutex_);

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

class AuthorizerServer::Impl final : public process::Acceptor::Host {
 public:
  Impl(const AuthorizerServerOptions& options, ChannelAuthorizer* authorizer)
      : service_(options, authorizer) {}

  ~Impl() override { Shutdown(); }

  absl::Status Listen(const std::string& address) {
    // Not shared with a second authorizer, which would take half of the
    // questions.
    absl::StatusOr<process::ListeningSockets> sockets =
        process::ListeningSockets::Listen(address);
    if (!sockets.ok()) return sockets.status();
    grpc::ServerBuilder builder;
    connections_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(
        static_cast<int>(contract::kAuthorizerMessageBytesMax));
    // Herald pings an idle stream every 6 minutes. Peers that do so more often
    // are not disconnected for it.
    builder.AddChannelArgument(
        GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    builder.AddChannelArgument(
        GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
        static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTimeout)));
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return absl::UnavailableError("gRPC did not start");
    }
    acceptor_.emplace(*std::move(sockets), AnyDescriptor, kKeepaliveTimeout,
                      /*host=*/this);
    const auto bound = contract::SplitHostPort(acceptor_->address());
    port_ = bound.has_value() ? bound->port : 0;
    return absl::OkStatus();
  }

  void Shutdown() ABSL_LOCKS_EXCLUDED(stop_mutex_) {
    if (acceptor_.has_value()) {
      contract::MutexLock lock(&stop_mutex_);
      acceptor_->Stop();
    }
    service_.Close();
    if (server_ != nullptr) {
      server_->Shutdown(contract::GrpcDeadline(kShutdownGrace));
    }
    service_.pool()->Stop();
  }

  int port() const { return port_; }
  StreamService* service() { return &service_; }

 private:
  void OnAccepted(int fd) override {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
        connection;
    connection.fd = fd;
    connections_->HandleNewConnection(&connection);
  }

  const std::shared_ptr<void> waker_ = WakeTimersAfterSteps();
  StreamService service_;
  int port_ = 0;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<grpc::Server> server_;  // Its streams use service_.
  contract::Mutex stop_mutex_;
  std::optional<process::Acceptor> acceptor_;  // Stopped under stop_mutex_.
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
