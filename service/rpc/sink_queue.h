// SPDX-License-Identifier: Apache-2.0
//
// The state of a stream that the core writes to: its queue, the right to write,
// and the reason for its end. SinkReactor carries out its decisions.
//
// Threads: any, for every method.
//
// The pen: gRPC allows one write at a time and nothing after Finish(). One
// token keeps both rules: only its holder may call StartWrite() or Finish().
// It is released when nothing is left to write, and kept for ever once the
// stream ends.
//
// Overflow: the queue is dropped and the call is cancelled with
// RESOURCE_EXHAUSTED. Trailers do not wait for flow control, so even a peer
// that has stopped reading receives the status. The write in flight fails, and
// its holder of the pen calls Finish(). gRPC is called in Flush(), because
// Enqueue() runs with a lock of the core held: a shard's, or Gateways'.
//
// Invariant: outbox_ is empty, or the pen is held, or a Flush() is due.

#ifndef HERALD_SERVICE_RPC_SINK_QUEUE_H_
#define HERALD_SERVICE_RPC_SINK_QUEUE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "proto/contract/mutex.h"
#include "service/channel/sink.h"
#include "service/rpc/counters.h"
#include "service/rpc/outbox.h"
#include "service/rpc/pacer.h"

namespace herald::rpc {

class SinkQueue {
 public:
  // `context` lives until End().
  SinkQueue(grpc::CallbackServerContext* context, const SinkOptions& options,
            StreamCounters* counters)
      : options_(options), counters_(counters), context_(context) {}

  // Appends, or ends the stream if the bound of that kind is exceeded.
  void Enqueue(core::Chunk chunk, Outbox::Kind kind) ABSL_LOCKS_EXCLUDED(mu_);

  // As Enqueue(), of a whisper. Beyond its bound it is dropped: false.
  bool EnqueueWhisper(core::Chunk chunk) ABSL_LOCKS_EXCLUDED(mu_);

  bool HasRoomForState() const ABSL_LOCKS_EXCLUDED(mu_);

  // True if the caller has the pen now, and has to take the Next() step: if
  // there is something to write; when the stream ends; and with `chunk`, if
  // nothing was written for `interval`. `next` is when that may be so.
  bool Flush() ABSL_LOCKS_EXCLUDED(mu_);
  bool Close(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);
  bool KeepAlive(const core::Chunk& chunk, absl::Duration interval,
                 absl::Duration* next) ABSL_LOCKS_EXCLUDED(mu_);

  // As Close(), even if the peer no longer reads.
  bool Abort(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

  // The next step of the pen's holder.
  struct Step {
    enum {
      kNothing,  // The pen is released.
      kWait,     // For the pacer's next beat; then Next() again.
      kWrite,    // The chunks.
      kFinish,   // With closing(); the pen is kept.
    } kind = kNothing;
    bool missed = false;  // The chunks are missed publications.
    bool hint = false;    // More follows at once.
  };
  // REQUIRES: the caller holds the pen; `chunks` is empty.
  Step Next(std::vector<core::Chunk>& chunks) ABSL_LOCKS_EXCLUDED(mu_);

  // Why the stream ends; OK while it does not.
  absl::Status closing() const ABSL_LOCKS_EXCLUDED(mu_);
  bool is_closing() const ABSL_LOCKS_EXCLUDED(mu_);

  // Of the chunks that wait.
  int64_t bytes() const ABSL_LOCKS_EXCLUDED(mu_);

  // The context is no longer valid.
  void End() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool TakePen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Append(core::Chunk chunk, Outbox::Kind kind)
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
  Outbox outbox_ ABSL_GUARDED_BY(mu_);
  bool pen_held_ ABSL_GUARDED_BY(mu_) = false;
  bool cancel_due_ ABSL_GUARDED_BY(mu_) = false;
  bool begun_ ABSL_GUARDED_BY(mu_) = false;  // The first write was begun.
  Pacer::Clock::time_point written_ ABSL_GUARDED_BY(mu_);  // And the last one.
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mu_);  // First one wins.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_SINK_QUEUE_H_
