// SPDX-License-Identifier: Apache-2.0
//
// One BroadcastStream: one response for each request, in order. A request that
// is refused or cannot be parsed gets an error and does not end the stream.
//
// Threads: gRPC calls the reactions, some of them at the same time; the core
// may answer from any thread.
//
// Lifetime: the stream keeps its reactor alive through self_ until OnDone(),
// and so does each question that the core has not answered.
//
// Writing: the holder of the write token writes and finishes.
//
// Pace: the answers to a caller that pipelines are sent together, at most once
// a beat (pacer.h). A caller that waits for each answer gets it immediately. A
// caller pipelines if a request arrives before it can have read the answer that
// was just sent, or if several answers are ready at a beat.
//
// Invariant: `answers_` holds one entry for each request that was read and not
// yet answered to the caller: kUnreadMax at most. At that bound reading pauses,
// and flow control stops the caller.

#ifndef HERALD_SERVICE_RPC_STREAMS_BROADCAST_STREAM_REACTOR_H_
#define HERALD_SERVICE_RPC_STREAMS_BROADCAST_STREAM_REACTOR_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/mutex.h"
#include "proto/contract/write_token.h"
#include "service/api/broadcasts.h"
#include "service/rpc/gate/counters.h"
#include "service/rpc/streams/pacer.h"

namespace herald::rpc {

class BroadcastStreamReactor final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public std::enable_shared_from_this<BroadcastStreamReactor> {
 public:
  static constexpr size_t kUnreadMax = 1024;

  // Called once, last, with the stream's status code.
  using Ended =
      absl::AnyInvocable<void(BroadcastStreamReactor*, grpc::StatusCode)>;

  // Pauses are counted in `pauses`. REQUIRES: the others outlive the server.
  static std::shared_ptr<BroadcastStreamReactor> Create(
      core::Broadcasts* broadcasts, Pacer* pacer, Count* pauses, Ended ended);

  // Begins to read. REQUIRES: called once, when Stop() can find the stream.
  void Start();

  // Ends the stream with `why`, after the write in flight.
  void Stop(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  BroadcastStreamReactor(core::Broadcasts* broadcasts, Pacer* pacer,
                         Count* pauses, Ended ended);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Publishes the request that was read.
  void Publish() ABSL_LOCKS_EXCLUDED(mu_);

  // Stores the answer of request `number`, and writes it if it is the next.
  void Answer(int64_t number, absl::StatusOr<v1::BroadcastResponse> result)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Takes the token if it is free and there is a step to take.
  bool TryTakeToken() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Takes the next step. REQUIRES: the caller holds the token.
  void Write() ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  core::Broadcasts* const broadcasts_;
  Pacer* const pacer_;
  Count* const pauses_;

  // Touched only at the beginning and by OnDone().
  std::shared_ptr<BroadcastStreamReactor> self_;
  Ended ended_;

  // Touched only by the chain of reads.
  grpc::ByteBuffer reading_;
  v1::BroadcastStreamRequest request_;

  // Touched by the holder of the token only.
  grpc::ByteBuffer writing_;  // Lent to gRPC while a write is in flight.
  bool begun_ = false;        // The first write was begun.
  bool more_ = false;         // The last one was part of a pile, not its end.

  contract::Mutex mu_;
  // Answers from request `first_` on; not valid where the core has not
  // answered.
  std::deque<grpc::ByteBuffer> answers_ ABSL_GUARDED_BY(mu_);
  int64_t first_ ABSL_GUARDED_BY(mu_) = 0;
  bool paused_ ABSL_GUARDED_BY(mu_) = false;       // No read: too many open.
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;  // No request will follow.
  contract::WriteToken token_ ABSL_GUARDED_BY(mu_);
  // When the last write began.
  Pacer::Clock::time_point written_ ABSL_GUARDED_BY(mu_);
  // The caller does not wait for an answer before it asks again.
  bool pipelines_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mu_);  // First one wins.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_BROADCAST_STREAM_REACTOR_H_
