// SPDX-License-Identifier: Apache-2.0
//
// The write side of a stream that the hub writes to: a core::Sink on top of a
// gRPC reactor over raw bytes. GatewayReactor and WatchReactor are built on it.
//
// Threads: Enqueue(), Flush() and Close() may be called from any thread. gRPC
// calls the reactions, some of them at the same time.
//
// Lifetime: the stream keeps its reactor alive through self_ until OnDone();
// the hub may share it for longer. A call after OnDone() does nothing.
//
// The pen: gRPC allows one write at a time and nothing after Finish(). One
// token keeps both rules: only its holder may call StartWrite() or Finish().
// It is taken under mu_, used without it, put down when nothing is left to
// write, and kept for ever once Finish() is called.
//
// Overflow: what waits is dropped and the call is cancelled with
// RESOURCE_EXHAUSTED. Trailers do not wait for flow control, so even a peer
// that has stopped reading is told, and the write in flight fails and puts the
// pen into the hands of Finish(). gRPC is called in Flush(), for Enqueue() runs
// with a lock of the hub held.
//
// Invariant: outbox_ is empty, or the pen is held, or a Flush() is due.

#ifndef HERALD_SERVICE_RPC_SINK_REACTOR_H_
#define HERALD_SERVICE_RPC_SINK_REACTOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "grpc/grpc.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/mutex.h"
#include "proto/contract/require.h"
#include "service/core/sink.h"
#include "service/rpc/counters.h"
#include "service/rpc/frames.h"
#include "service/rpc/outbox.h"
#include "service/rpc/pacer.h"

namespace herald::rpc {

// `Base` is a ServerBidiReactor or a ServerWriteReactor of byte buffers.
template <typename Base>
class SinkReactor : public Base, public core::Sink {
 public:
  SinkReactor(grpc::CallbackServerContext* context, SinkOptions options,
              StreamCounters* counters)
      : options_(options), counters_(counters), context_(context) {}

  void Enqueue(core::Chunk chunk) override ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    if (!outbox_.HasRoomFor(chunk, options_.outbox_bytes_max)) {
      Add(counters_->dropped_bytes,
          outbox_.bytes() + static_cast<int64_t>(chunk->size()));
      Drop();
      closing_ = absl::ResourceExhaustedError(options_.overflow);
      cancel_due_ = true;
      Add(counters_->overflows, 1);
      return;
    }
    Append(std::move(chunk), Outbox::Kind::kCounted);
  }

  void EnqueueState(core::Chunk chunk) override ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    Append(std::move(chunk), Outbox::Kind::kState);
  }

  void EnqueueMissed(core::Chunk chunk) override ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    Append(std::move(chunk), Outbox::Kind::kMissed);
  }

  void Flush() override ABSL_LOCKS_EXCLUDED(mu_) {
    {
      contract::MutexLock lock(&mu_);
      if (cancel_due_) Cancel();
      if (pen_held_ || (outbox_.empty() && !closing_.has_value())) return;
      pen_held_ = true;
    }
    Write();
  }

  void Close(absl::Status why) override ABSL_LOCKS_EXCLUDED(mu_) {
    {
      contract::MutexLock lock(&mu_);
      if (closing_.has_value()) return;
      closing_ = std::move(why);
      if (pen_held_) return;
      pen_held_ = true;
    }
    Write();
  }

 protected:
  // Ties the reactor to its stream. REQUIRES: called once, at the beginning.
  void Own(std::shared_ptr<SinkReactor> self) { self_ = std::move(self); }

  // The reactor as the hub knows it. REQUIRES: OnDone() has not run.
  std::shared_ptr<SinkReactor> self() const { return self_; }

  // Why the stream ends; OK while it does not.
  absl::Status closing() ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    return closing_.value_or(absl::OkStatus());
  }

  // The stream has ended with `code`, and nobody calls the reactor any more but
  // those who share it as a sink.
  virtual void OnEnded(grpc::StatusCode code) = 0;

  StreamCounters* counters() const { return counters_; }

 private:
  void OnWriteDone(bool ok) override {
    // The pen is held, so Close() only records why and Write() finishes.
    if (!ok) Close(absl::UnavailableError("the stream broke"));
    Write();
  }

  void OnCancel() override { Close(absl::CancelledError("the peer has gone")); }

  void OnDone() override {
    const std::shared_ptr<SinkReactor> last_owner = std::move(self_);
    auto code = grpc::StatusCode::OK;
    {
      contract::MutexLock lock(&mu_);
      context_ = nullptr;
      code = static_cast<grpc::StatusCode>(closing_->code());
    }
    OnEnded(code);
  }

  // Takes the next step. REQUIRES: the caller holds the pen.
  void Write() ABSL_LOCKS_EXCLUDED(mu_) {
    std::optional<grpc::Status> last;
    bool more = false;
    {
      contract::MutexLock lock(&mu_);
      contract::Require(pen_held_);
      if (closing_.has_value()) {
        Drop();
        last = contract::ToGrpcStatus(*closing_);
      } else if (outbox_.empty()) {
        pen_held_ = false;
        return;
      } else if (options_.pacer == nullptr || !Pacer::IsEarly(written_)) {
        Take();
        more = !outbox_.empty();
      }
    }
    if (last.has_value()) return this->Finish(*std::move(last));
    if (taken_.empty()) {
      return options_.pacer->AtNextBeat([this] { Write(); });
    }
    // The bytes are encoded and copied without the lock, for an Enqueue() may
    // wait for it with a shard locked.
    if (missed_) {
      for (core::Chunk& chunk : taken_) chunk = EncodeForWatch(chunk);
    }
    grpc::ByteBuffer frame = JoinChunks(taken_);
    writing_.Swap(&frame);
    taken_.clear();
    Add(counters_->frames_sent, 1);
    Add(counters_->bytes_sent, static_cast<int64_t>(writing_.Length()));
    grpc::WriteOptions options;
    // Small messages behind each other go out in one packet. Not the first: it
    // carries the initial metadata, whose writing its end waits for, and with
    // the hint gRPC would put that off until something else is written.
    if (more && options_.frame_bytes_max == 0 && begun_) {
      options.set_buffer_hint();
    }
    begun_ = true;
    written_ = Pacer::Clock::now();
    this->StartWrite(&writing_, options);
  }

  void Append(core::Chunk chunk, Outbox::Kind kind)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Add(counters_->queue_bytes, static_cast<int64_t>(chunk->size()));
    outbox_.Append(std::move(chunk), kind);
  }

  // Moves the next frame's chunks to taken_.
  void Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const int64_t before = outbox_.bytes();
    missed_ = outbox_.Take(options_.frame_bytes_max, taken_);
    Add(counters_->queue_bytes, outbox_.bytes() - before);
  }

  void Drop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Add(counters_->queue_bytes, -outbox_.bytes());
    outbox_.Clear();
  }

  // As context_->TryCancel(), which knows no code but CANCELLED.
  void Cancel() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    cancel_due_ = false;
    if (context_ == nullptr) return;
    grpc_call_cancel_with_status(context_->c_call(),
                                 GRPC_STATUS_RESOURCE_EXHAUSTED,
                                 options_.overflow, nullptr);
  }

  // Constant after construction.
  const SinkOptions options_;
  StreamCounters* const counters_;

  // Touched by Own() and OnDone() only.
  std::shared_ptr<SinkReactor> self_;

  // Touched by the holder of the pen only.
  std::vector<core::Chunk> taken_;
  bool missed_ = false;       // They are what was missed.
  grpc::ByteBuffer writing_;  // Lent to gRPC while a write is in flight.
  bool begun_ = false;        // The first write was begun.
  Pacer::Clock::time_point written_;  // When the last one was.

  contract::Mutex mu_;
  grpc::CallbackServerContext* context_ ABSL_GUARDED_BY(mu_);
  Outbox outbox_ ABSL_GUARDED_BY(mu_);
  bool pen_held_ ABSL_GUARDED_BY(mu_) = false;
  bool cancel_due_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mu_);  // First one wins.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_SINK_REACTOR_H_
