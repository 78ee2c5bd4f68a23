// SPDX-License-Identifier: Apache-2.0
//
// Inside of AuthorizerLink: one stream, and the clock of its deadlines.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_STREAM_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_STREAM_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "herald/v1/authorizer_service.grpc.pb.h"
#include "proto/contract/grpc_status.h"
#include "service/rpc/authorizer_link.h"
#include "service/rpc/frames.h"

namespace herald::rpc {

// Deadlines are kept on the steady clock, whatever the time of day does.
inline absl::Time SteadyNow() {
  return absl::UnixEpoch() +
         absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

inline core::Decision Undecided(absl::string_view why) {
  core::Decision decision;
  decision.status = absl::UnavailableError(why);
  return decision;
}

// A stream. It is told what to write and tells the link what happens; the
// link's lock guards what they share.
//
// The pen: whoever sets `writing` may write, and OnWriteDone() puts it down.
//
// The hold: writes come from outside of reactions, so the call must not end
// between them. It is released by whoever sees both the reading ended and the
// pen down.
//
// Responses are read as raw bytes, for gRPC would stop reading at one that does
// not parse.
class AuthorizerLink::Stream final
    : public grpc::ClientBidiReactor<v1::AuthorizeRequest, grpc::ByteBuffer> {
 public:
  Stream(AuthorizerLink* link, const std::shared_ptr<grpc::Channel>& channel)
      : link_(link) {
    static const std::string kMethod = absl::StrCat(
        "/", v1::AuthorizerService::service_full_name(), "/Authorize");
    grpc::TemplatedGenericStub<v1::AuthorizeRequest, grpc::ByteBuffer>(channel)
        .PrepareBidiStreamingCall(&context_, kMethod, /*options=*/{}, this);
    AddHold();
  }

  void Start() {
    StartRead(&reading_);
    StartCall();
  }

  // REQUIRES: the caller has the pen.
  void Write() { StartWrite(request.get()); }

  void Cancel() { context_.TryCancel(); }

  // Guarded by the link's lock; `request` belongs to the pen.
  bool writing = false;
  bool broken = false;  // A write has failed.
  bool reading_ended = false;
  int64_t writing_id = 0;
  absl::Time write_started;
  absl::Time silent_since = absl::InfiniteFuture();  // See Cut().
  const char* cut = nullptr;                         // Why it was given up.
  std::shared_ptr<v1::AuthorizeRequest> request;

 private:
  void OnReadInitialMetadataDone(bool ok) override {
    if (ok) link_->OnStreamWorks();
  }

  void OnReadDone(bool ok) override {
    // A response that was larger keeps no memory for the next one.
    constexpr size_t kKeptBytesMax = 64 << 10;
    if (!ok) return link_->OnReadingEnded(this);
    link_->OnStreamWorks();
    link_->OnRead(this,
                  DecodeMessage(reading_, &response_) ? &response_ : nullptr);
    if (reading_.Length() > kKeptBytesMax) {
      response_ = v1::AuthorizeResponse();
    }
    StartRead(&reading_);
  }

  void OnWriteDone(bool ok) override {
    if (ok) link_->OnStreamWorks();
    link_->OnWritten(this, ok);
  }

  void OnDone(const grpc::Status& status) override {
    link_->OnStreamDone(this, status.ok()
                                  ? absl::UnavailableError(
                                        "the authorizer has ended the stream")
                                  : contract::ToAbslStatus(status));
  }

  AuthorizerLink* const link_;  // Stop() waits for OnDone().
  grpc::ClientContext context_;

  // Touched only by the chain of reads.
  grpc::ByteBuffer reading_;
  v1::AuthorizeResponse response_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_STREAM_H_
