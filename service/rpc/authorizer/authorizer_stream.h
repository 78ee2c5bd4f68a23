// SPDX-License-Identifier: Apache-2.0
//
// One stream of an AuthorizerLink. The link handles its events and decides
// which message is written; the link's lock guards the state that both use.
//
// Writing: the thread that takes the token under the lock calls Write() without
// it. OnWritten() releases the token, or ends it after the last operation.
//
// The hold keeps the stream from ending while a write may still be begun: it is
// released when reading has ended and the token is not held.
//
// Threads: gRPC's for reactions; reads come one after the other.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_STREAM_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_STREAM_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/contract/write_token.h"
#include "service/authorizer/question_dispatcher.h"

namespace herald::rpc {

class AuthorizerStream final
    : public grpc::ClientBidiReactor<v1::AuthorizeRequest, grpc::ByteBuffer> {
 public:
  // The link; outlives OnStreamDone().
  class Host {
   public:
    virtual ~Host() = default;
    // The other end has given a sign of life.
    virtual void OnStreamWorks(AuthorizerStream* stream) = 0;
    virtual void OnWritten(AuthorizerStream* stream, bool ok) = 0;
    // nullptr: the bytes could not be parsed.
    virtual void OnRead(AuthorizerStream* stream,
                        v1::AuthorizeResponse* response) = 0;
    virtual void OnReadingEnded(AuthorizerStream* stream) = 0;
    virtual void OnStreamDone(AuthorizerStream* stream,
                              const grpc::Status& status) = 0;
  };

  enum class Role {
    kMain,      // Is asked new questions.
    kNext,      // Will take the place of the main stream once it works.
    kRetiring,  // Was the main stream; is read to its end.
    kLane,      // Is asked suspects and watched questions.
    kOverdue,   // Was a lane until its question timed out; may break yet.
  };

  AuthorizerStream(Host* host, const std::shared_ptr<grpc::Channel>& channel,
                   Role role, int64_t number);

  // Takes the token, for Write() to write `next`, or to end our side if it is
  // nullptr. REQUIRES: usable().
  void Hold(std::shared_ptr<v1::AuthorizeRequest> next);
  void HoldQuestion(std::shared_ptr<v1::AuthorizeRequest> question,
                    absl::Time now);

  // Begins the call. Write() may have been called before.
  void Start();
  // Writes `request`, or ends our side if there is none. REQUIRES: the caller
  // holds the token.
  void Write();
  void Cancel() { context_.TryCancel(); }

  // Why a stream has ended with `status`: for logs, and for its questions.
  absl::Status WhyEnded(const grpc::Status& status) const;
  authorizer::StreamEnd HowEnded(const grpc::Status& status) const;

  bool usable() const {
    return token.is_free() && !reading_ended && !half_closed;
  }

  // Guarded by the link's lock; `request` belongs to the token's holder.
  Role role;
  authorizer::StreamQuestions questions;
  contract::WriteToken token;
  bool writes_question = false;  // Not a keepalive.
  bool half_closed = false;      // Our side has ended, or is about to.
  bool reading_ended = false;
  bool works = false;             // The other end has given a sign of life.
  bool knows_keepalives = false;  // It has sent `ready`.
  absl::Time write_started;
  absl::Time last_write;
  absl::Time last_read;
  absl::Time keepalive_due = absl::InfiniteFuture();  // When it is answered.
  absl::Time silent_since = absl::InfiniteFuture();   // With open questions.
  absl::Time overdue_until = absl::InfiniteFuture();  // When it is cancelled.
  const char* cut = nullptr;                          // Why it was cancelled.
  std::shared_ptr<v1::AuthorizeRequest> request;

 private:
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { host_->OnWritten(this, ok); }
  void OnWritesDoneDone(bool ok) override { host_->OnWritten(this, ok); }
  void OnDone(const grpc::Status& status) override;

  Host* const host_;
  grpc::ClientContext context_;

  // Touched only by the chain of reads.
  grpc::ByteBuffer reading_;
  v1::AuthorizeResponse response_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_STREAM_H_
