// SPDX-License-Identifier: Apache-2.0
//
// The application's end of one AuthorizerService.Authorize stream: questions
// in, decisions and revocations out.
//
// Threads: Wake() and Close() may be called from any thread. gRPC calls the
// reactions, some of them at the same time.
//
// Lifetime: the stream keeps its reactor alive through self_ until OnDone();
// the service and open questions may share it for longer. A call after OnDone()
// does nothing.
//
// Writing: only the holder of the write token calls StartWrite() or Finish(),
// or resumes reading.
//
// Order: a decision carries the end of the revocation log at the time it was
// made, and is written when the stream has read the log up to there. So a yes
// that was decided before a revocation is written before it, never after. The
// log is checked for revocations that arrived while the question was being
// decided.
//
// Invariant: outbox_ is empty and the log is read to its end, or the token is
// held.

#ifndef HERALD_CLIENTS_CPP_ANSWER_STREAM_H_
#define HERALD_CLIENTS_CPP_ANSWER_STREAM_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "clients/cpp/revocation_log.h"
#include "clients/cpp/worker_pool.h"
#include "grpcpp/support/server_callback.h"
#include "herald/client/channel_authorizer.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/contract/mutex.h"
#include "proto/contract/write_token.h"

namespace herald::client {

class AnswerStream final
    : public grpc::ServerBidiReactor<v1::AuthorizeRequest,
                                     v1::AuthorizeResponse> {
 public:
  // Questions without an answer; then reading pauses. Herald sends at most
  // kAuthorizerInFlightMax at once, so only a faulty peer notices.
  static constexpr int kQuestionsMax = 1024;

  // Bytes of decisions that wait for a peer that does not read.
  static constexpr int64_t kOutboxBytesMax = 16 << 20;

  // The parts that the streams of one server share; outlive them.
  class Host {
   public:
    virtual ~Host() = default;
    virtual ChannelAuthorizer* authorizer() = 0;
    virtual RevocationLog* log() = 0;
    virtual WorkerPool* pool() = 0;
    virtual void OnStreamDone(AnswerStream* stream) = 0;
  };

  AnswerStream(grpc::CallbackServerContext* context, Host* host);

  // Begins to read and write. `self` is kept until OnDone().
  void Start(std::shared_ptr<AnswerStream> self);

  // Writes new entries of the log; disconnects a peer if its position was
  // evicted.
  void Wake() ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the stream once the write in flight has ended.
  void Close(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A queued answer; without a response it only marks the end of the question.
  struct QueuedAnswer {
    std::optional<v1::AuthorizeResponse> response = {};
    RevocationLog::Cursor log_end = 0;
  };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Answers a keepalive.
  void SendReady() ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs on the pool.
  void Decide(const v1::AuthorizeRequest& question);

  // Queues the answer to `question`, which was begun at `since`.
  void Reply(const v1::AuthorizeRequest& question, Decision decision,
             RevocationLog::Cursor since) ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes the next step of the write side. REQUIRES: the caller holds the
  // token.
  void Write() ABSL_LOCKS_EXCLUDED(mutex_);

  // Moves the next message into writing_. False if there is none.
  bool TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Whether reading was paused and may go on; the caller must do so.
  bool TakeResume() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Makes a write fail that might never end, so that the stream ends.
  void Cut(absl::Status why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  Host* const host_;

  // Touched only by the read chain: Start(), OnReadDone(), at last OnDone().
  std::shared_ptr<AnswerStream> self_;
  v1::AuthorizeRequest request_;

  // Touched only by the holder of the token; lent to gRPC.
  std::shared_ptr<const v1::AuthorizeResponse> writing_;

  contract::Mutex mutex_;
  grpc::CallbackServerContext* context_ ABSL_GUARDED_BY(mutex_);
  std::deque<QueuedAnswer> outbox_ ABSL_GUARDED_BY(mutex_);
  int64_t outbox_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  RevocationLog::Cursor cursor_ ABSL_GUARDED_BY(mutex_) = 0;
  int questions_ ABSL_GUARDED_BY(mutex_) = 0;
  // A `ready` is to be written: the first message, or the answer to a
  // keepalive.
  bool ready_due_ ABSL_GUARDED_BY(mutex_) = true;
  bool reading_paused_ ABSL_GUARDED_BY(mutex_) = false;
  // Held until Start().
  contract::WriteToken token_ ABSL_GUARDED_BY(mutex_) =
      contract::WriteToken::Held();
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mutex_);  // First wins.
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_ANSWER_STREAM_H_
