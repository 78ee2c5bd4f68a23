// SPDX-License-Identifier: Apache-2.0
//
// The write side of a stream that the core writes to: a core::Sink on top of a
// gRPC reactor over raw bytes. GatewayReactor and WatchReactor are built on it.
// SinkQueue decides which chunks are written, and when; this class writes them.
//
// Threads: the methods of core::Sink may be called from any thread. gRPC
// calls the reactions, some of them at the same time.
//
// Lifetime: the stream keeps its reactor alive through self_ until OnDone();
// the core may share it for longer. A call after OnDone() does nothing.
//
// Keepalives: proxies end a stream on which nothing was sent for a while, and
// HTTP/2 pings end at the proxy. So a stream that was quiet for an interval
// writes an empty chunk.

#ifndef HERALD_SERVICE_RPC_STREAMS_SINK_REACTOR_H_
#define HERALD_SERVICE_RPC_STREAMS_SINK_REACTOR_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "proto/contract/grpc_status.h"
#include "service/channel/sink.h"
#include "service/channel/timers.h"
#include "service/rpc/gate/counters.h"
#include "service/rpc/streams/frames.h"
#include "service/rpc/streams/pacer.h"
#include "service/rpc/streams/sink_queue.h"
#include "service/rpc/streams/stream_outbox.h"

namespace herald::rpc {

// `Base` is a ServerBidiReactor of byte buffers.
template <typename Base>
class SinkReactor : public Base, public core::Sink {
 public:
  SinkReactor(grpc::CallbackServerContext* context, const SinkOptions& options,
              StreamCounters* counters)
      : options_(options),
        counters_(counters),
        queue_(context, options, counters) {}

  void Enqueue(core::Chunk chunk) override {
    queue_.Enqueue(std::move(chunk), StreamOutbox::Kind::kCounted);
  }
  void EnqueueMembers(core::Chunk chunk) override {
    queue_.Enqueue(std::move(chunk), StreamOutbox::Kind::kMembers);
  }
  bool EnqueueWhisper(core::Chunk chunk) override {
    return queue_.EnqueueWhisper(std::move(chunk));
  }
  bool HasRoomForState() const override { return queue_.HasRoomForState(); }
  void EnqueueState(core::Chunk chunk) override {
    queue_.Enqueue(std::move(chunk), StreamOutbox::Kind::kState);
  }
  void EnqueueMissed(core::Chunk chunk) override {
    queue_.Enqueue(std::move(chunk), StreamOutbox::Kind::kMissed);
  }
  void Flush() override {
    if (queue_.Flush()) Write();
  }
  void Close(absl::Status why) override {
    if (queue_.Close(std::move(why))) Write();
  }
  void Abort(absl::Status why) override {
    if (queue_.Abort(std::move(why))) Write();
  }

 protected:
  // Ties the reactor to its stream. REQUIRES: called once, at the beginning.
  void Own(std::shared_ptr<SinkReactor> self) { self_ = std::move(self); }

  // The reactor as the core knows it. REQUIRES: OnDone() has not run.
  std::shared_ptr<SinkReactor> self() const { return self_; }

  // From now on writes `chunk` whenever nothing was written for `interval`, but
  // not before the first other write; never if `interval` is 0. REQUIRES:
  // called once at most, after Own().
  void StartKeepalive(core::Chunk chunk, absl::Duration interval) {
    if (interval <= absl::ZeroDuration()) return;
    keepalive_ = std::move(chunk);
    keepalive_interval_ = interval;
    KeepAliveIn(interval, self_);
  }

  // Why the stream ends; OK while it does not.
  absl::Status closing() const { return queue_.closing(); }
  bool is_closing() const { return queue_.is_closing(); }

  // The stream has ended with `code`. From now on only objects that share the
  // reactor as a sink call it.
  virtual void OnEnded(grpc::StatusCode code) = 0;

  StreamCounters* counters() const { return counters_; }
  int64_t queue_bytes() const { return queue_.bytes(); }

 private:
  void OnWriteDone(bool ok) override {
    // The token is held, so Close() only records why and Write() finishes.
    if (!ok) Close(absl::UnavailableError("the stream broke"));
    Write();
  }

  void OnCancel() override {
    Close(absl::CancelledError("the peer has disconnected"));
  }

  void OnDone() override {
    const std::shared_ptr<SinkReactor> last_owner = std::move(self_);
    queue_.End();
    OnEnded(static_cast<grpc::StatusCode>(closing().code()));
  }

  // A timer must not keep the reactor alive.
  void KeepAliveIn(absl::Duration delay, std::weak_ptr<SinkReactor> weak) {
    options_.timers->After(delay, [weak = std::move(weak)] {
      if (const auto reactor = weak.lock()) reactor->KeepAlive(weak);
    });
  }

  // Writes the keepalive if it is due, and runs again when the next one may be.
  void KeepAlive(const std::weak_ptr<SinkReactor>& weak) {
    absl::Duration next;
    if (queue_.KeepAlive(keepalive_, keepalive_interval_, &next)) Write();
    if (!is_closing()) KeepAliveIn(next, weak);
  }

  // Takes the next step. REQUIRES: the caller holds the token.
  void Write() {
    const SinkQueue::Step step = queue_.Next(taken_);
    switch (step.kind) {
      case SinkQueue::Step::kNothing:
        return;
      case SinkQueue::Step::kWait:
        return options_.pacer->AtNextBeat([this] { Write(); });
      case SinkQueue::Step::kFinish:
        return this->Finish(contract::ToGrpcStatus(closing()));
      case SinkQueue::Step::kWrite:
        break;
    }
    // The bytes are encoded and copied without the queue's lock, because an
    // Enqueue() may wait for it with a shard locked.
    if (step.missed) {
      for (core::Chunk& chunk : taken_) chunk = EncodeForWatch(chunk);
    }
    grpc::ByteBuffer frame = JoinChunks(taken_);
    writing_.Swap(&frame);
    taken_.clear();
    Add(counters_->frames_sent, 1);
    Add(counters_->bytes_sent, static_cast<int64_t>(writing_.Length()));
    grpc::WriteOptions options;
    if (step.hint) options.set_buffer_hint();
    this->StartWrite(&writing_, options);
  }

  // Constant after construction.
  const SinkOptions options_;
  StreamCounters* const counters_;

  // Touched by Own() and OnDone() only.
  std::shared_ptr<SinkReactor> self_;

  // Constant after StartKeepalive().
  core::Chunk keepalive_;
  absl::Duration keepalive_interval_;

  // Touched by the holder of the token only.
  std::vector<core::Chunk> taken_;
  grpc::ByteBuffer writing_;  // Lent to gRPC while a write is in flight.

  SinkQueue queue_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_SINK_REACTOR_H_
