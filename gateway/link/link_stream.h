// SPDX-License-Identifier: Apache-2.0
//
// The gateway's end of one link: a GatewayService.Attach stream. Frames are
// sent as raw bytes, because most chunks are encoded already. A write encodes
// the others, without any lock.
//
// Threads: any thread may call the methods of Uplink, Stop() and Cancel(). gRPC
// calls the reactions, some of them concurrently.
//
// Lifetime: the caller of Start() keeps the stream until done(), and destroys
// it on a thread that is not gRPC's. The last stream destroys the channel,
// which waits for gRPC's threads. A call after done() has no effect.
//
// Writing: only the holder of the write token starts a write. Writes also start
// outside of reactions, so the stream has a hold. The last holder of the token,
// which ends it, removes the hold.
//
// The gate: a read that waits for the gate is not an operation of gRPC. It
// starts outside of reactions, so it has a hold too. End() releases it.
//
// Invariant: outbox_ is empty, or the token is held, or a Flush() is still due,
// or the stream has ended.

#ifndef HERALD_GATEWAY_LINK_LINK_STREAM_H_
#define HERALD_GATEWAY_LINK_LINK_STREAM_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gateway/uplink/link_gate.h"
#include "gateway/uplink/uplink.h"
#include "gateway/uplink/uplink_chunk.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"
#include "proto/contract/silence.h"
#include "proto/contract/write_token.h"

namespace herald::gateway {

class LinkStream final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public Uplink {
 public:
  // Receives each frame, in order; an error ends the link. Not called after
  // done().
  using Receiver = absl::AnyInvocable<absl::Status(link::v1::AttachResponse)>;

  // `gate` outlives the stream; one stream at a time uses it.
  LinkStream(const std::shared_ptr<grpc::Channel>& channel,
             const std::string& api_token, LinkGate* gate, Receiver receiver);

  // Starts the call. Chunks that were enqueued before are written first. Must
  // be called exactly once; without it, OnDone() is never called.
  void Start();

  // Uplink:
  void Enqueue(UplinkChunk chunk) override ABSL_LOCKS_EXCLUDED(mu_);
  bool TryEnqueue(UplinkChunk chunk, int64_t bytes_max) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void EnqueueUnbounded(UplinkChunk chunk) override ABSL_LOCKS_EXCLUDED(mu_);
  void Flush() override ABSL_LOCKS_EXCLUDED(mu_);

  // Writes a frame without items if nothing was written for `interval`. Returns
  // the time until the next call is due.
  absl::Duration KeepAlive(absl::Duration interval) ABSL_LOCKS_EXCLUDED(mu_);

  // Called once per keepalive interval. Ends the stream if the service sends
  // keepalives and is silent now.
  void CheckSilence() ABSL_LOCKS_EXCLUDED(mu_);

  // Half-closes the stream behind all queued bytes. The service ends it then.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Ends the stream at once. Only the first reason is kept.
  void Cancel(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

  // Notified by the first frame, or by the end if there was none.
  contract::Notification& first() { return first_; }

  // Notified when gRPC has finished the stream.
  contract::Notification& done() { return done_; }

  // The reason for the end.
  // REQUIRES: done() is notified.
  const absl::Status& why() const { return final_; }

  // Bytes queued for writing, as on the wire.
  int64_t queue_bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // The chunks of one message on the wire.
  struct LinkFrame {
    std::string Encode() &&;

    std::vector<UplinkChunk> chunks;
    int64_t bytes = 0;
    bool attach = false;  // Not counted against the bound.
  };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  // Reads the next frame, once the gate is open.
  void ReadOn() ABSL_LOCKS_EXCLUDED(mu_);
  void Append(UplinkChunk chunk, bool attach)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Writes no more of the outbox. `why` may be OK: then the
  // service's status is the reason.
  void End(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);
  // Takes the next step of the write side.
  // REQUIRES: the caller holds the token.
  void Write() ABSL_LOCKS_EXCLUDED(mu_);

  LinkGate* const gate_;

  // Lent to gRPC until OnDone().
  grpc::ClientContext context_;

  // Used only by the read chain: Start(), OnReadDone(), finally OnDone().
  Receiver receiver_;
  grpc::ByteBuffer incoming_;
  absl::Status final_;

  // Used only by the holder of the token; lent to gRPC while it writes.
  grpc::ByteBuffer outgoing_;

  contract::Notification first_;
  contract::Notification done_;

  contract::Silence silence_;

  mutable contract::Mutex mu_;
  std::chrono::steady_clock::time_point written_ ABSL_GUARDED_BY(mu_) =
      std::chrono::steady_clock::now();  // When the last write started.
  std::deque<LinkFrame> outbox_ ABSL_GUARDED_BY(mu_);
  int64_t bounded_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // Of other frames.
  int64_t attach_bytes_ ABSL_GUARDED_BY(mu_) = 0;   // Of attach frames.
  contract::WriteToken token_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status why_ ABSL_GUARDED_BY(mu_);  // OK: the service's status.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LINK_LINK_STREAM_H_
