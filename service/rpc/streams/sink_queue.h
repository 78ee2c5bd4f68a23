// SPDX-License-Identifier: Apache-2.0
//
// The state of a stream that the core writes to: its queue, its write token
// (write_token.h), and the reason for its end. SinkReactor carries out its
// decisions.
//
// Threads: any, for every method.
//
// Overflow: the queue is dropped and the call is cancelled with
// RESOURCE_EXHAUSTED. Trailers do not wait for flow control, so even a peer
// that has stopped reading receives the status. The write in flight fails, and
// its holder of the token calls Finish(). gRPC is called in Flush(), because
// Enqueue() runs with a lock of the core held: a shard's, or Gateways'.
//
// Invariant: outbox_ is empty, or the token is held, or a Flush() is due.

#ifndef HERALD_SERVICE_RPC_STREAMS_SINK_QUEUE_H_
#define HERALD_SERVICE_RPC_STREAMS_SINK_QUEUE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "proto/contract/mutex.h"
#include "proto/contract/write_token.h"
#include "service/channel/sink.h"
#include "service/rpc/gate/counters.h"
#include "service/rpc/streams/pacer.h"
#include "service/rpc/streams/stream_outbox.h"

namespace herald::rpc {

class SinkQueue {
 public:
  // `context` lives until End().
  SinkQueue(grpc::CallbackServerContext* context, const SinkOptions& options,
            StreamCounters* counters)
      : options_(options), counters_(counters), context_(context) {}

  // Appends, or ends the stream if the bound of that kind is exceeded.
  void Enqueue(core::Chunk chunk, StreamOutbox::Kind kind)
      ABSL_LOCKS_EXCLUDED(mu_);

  // As Enqueue(), of a whisper. Beyond its bound it is dropped: false.
  bool EnqueueWhisper(core::Chunk chunk) ABSL_LOCKS_EXCLUDED(mu_);

  bool HasRoomForState() const ABSL_LOCKS_EXCLUDED(mu_);

  // Return true if the caller has the token now, and has to take the Next()
  // step. Flush() takes the token if there is something to write, and Close()
  // because the stream ends. KeepAlive() takes it if nothing was written for
  // `interval`, and then appends `chunk`; `next` is the time until the next
  // call is due.
  bool Flush() ABSL_LOCKS_EXCLUDED(mu_);
  bool Close(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);
  bool KeepAlive(const core::Chunk& chunk, absl::Duration interval,
                 absl::Duration* next) ABSL_LOCKS_EXCLUDED(mu_);

  // As Close(), even if the peer no longer reads.
  bool Abort(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

  // The next step of the token's holder.
  struct Step {
    enum {
      kNothing,  // The token is released.
      kWait,     // For the pacer's next beat; then Next() again.
      kWrite,    // The chunks.
      kFinish,   // With closing(); the token has ended.
    } kind = kNothing;
    bool missed = false;  // The chunks are missed publications.
    bool hint = false;    // More follows at once.
  };
  // REQUIRES: the caller holds the token; `chunks` is empty.
  Step Next(std::vector<core::Chunk>& chunks) ABSL_LOCKS_EXCLUDED(mu_);

  // Why the stream ends; OK while it does not.
  absl::Status closing() const ABSL_LOCKS_EXCLUDED(mu_);
  bool is_closing() const ABSL_LOCKS_EXCLUDED(mu_);

  // Of the chunks that wait.
  int64_t bytes() const ABSL_LOCKS_EXCLUDED(mu_);

  // The context is no longer valid.
  void End() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Append(core::Chunk chunk, StreamOutbox::Kind kind)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Overflow(const std::string& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Drop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The outbox has changed; it had so many bytes, and bytes of state.
  void Count(int64_t before, int64_t state_before)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // As context_->TryCancel(), but with closing_ instead of CANCELLED.
  void Cancel() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const SinkOptions options_;
  StreamCounters* const counters_;

  mutable contract::Mutex mu_;
  grpc::CallbackServerContext* context_ ABSL_GUARDED_BY(mu_);
  StreamOutbox outbox_ ABSL_GUARDED_BY(mu_);
  contract::WriteToken token_ ABSL_GUARDED_BY(mu_);
  bool cancel_due_ ABSL_GUARDED_BY(mu_) = false;
  bool begun_ ABSL_GUARDED_BY(mu_) = false;  // The first write was begun.
  Pacer::Clock::time_point written_ ABSL_GUARDED_BY(mu_);  // And the last one.
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mu_);  // First one wins.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_SINK_QUEUE_H_
