// SPDX-License-Identifier: Apache-2.0
//
// The gateway's end of one link: one GatewayService.Attach stream. Frames leave
// it as raw bytes, for what the router says is serialized already.
//
// Threads: the methods of Uplink, Stop() and Cancel() may be called from any
// thread. gRPC calls the reactions, some of them at the same time.
//
// Lifetime: whoever has called Start() keeps it until done(), on a thread that
// is not gRPC's, for with the last stream goes the channel, which waits for
// gRPC's threads. A call after done() does nothing.
//
// The pen: gRPC allows one write at a time. One token keeps this rule: only its
// holder may start one. It is taken under mu_, used without it, and put down
// when nothing is left to write. Writes begin outside reactions too, so the
// stream has a hold, which belongs to the last holder of the pen: whoever has
// the pen when nothing can be written any more removes the hold and keeps the
// pen for ever.
//
// The gate: a read that waits for it is no operation of gRPC's and begins
// outside reactions, so it has a hold too. Whoever ends the stream lets it go.
//
// Invariant: outbox_ is empty, or the pen is held, or a Flush() is still due.

#ifndef HERALD_GATEWAY_LINK_LINK_STREAM_H_
#define HERALD_GATEWAY_LINK_LINK_STREAM_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gateway/router/link_gate.h"
#include "gateway/router/uplink.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"
#include "proto/contract/silence.h"

namespace herald::gateway {

class LinkStream final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public Uplink {
 public:
  // Takes each frame, in order; an error ends the link. Not called after
  // done().
  using Receiver = absl::AnyInvocable<absl::Status(link::v1::AttachResponse)>;

  // `gate` outlives the stream; one stream at a time uses it.
  LinkStream(const std::shared_ptr<grpc::Channel>& channel,
             const std::string& api_token, LinkGate* gate, Receiver receiver);

  // Begins the call. What was enqueued before is written first. Once, and
  // always, or OnDone() never comes.
  void Start();

  // Uplink:
  void Enqueue(std::string chunk) override ABSL_LOCKS_EXCLUDED(mu_);
  bool TryEnqueue(std::string chunk, int64_t bytes_max) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void EnqueueUnbounded(std::string chunk) override ABSL_LOCKS_EXCLUDED(mu_);
  void Flush() override ABSL_LOCKS_EXCLUDED(mu_);

  // Writes a frame without items if nothing was written for `interval`. Returns
  // for how long the stream has not to be asked again.
  absl::Duration KeepAlive(absl::Duration interval) ABSL_LOCKS_EXCLUDED(mu_);

  // Called once in a keepalive interval: ends the stream if the service has
  // sent keepalives and is silent now.
  void CheckSilence() ABSL_LOCKS_EXCLUDED(mu_);

  // Says that nothing more will be written, behind all that waits. The service
  // ends the stream then.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Ends the stream at once. The first reason counts.
  void Cancel(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

  // Notified with the first frame, or with the end if there was none.
  contract::Notification& first() { return first_; }

  // Notified when all is over.
  contract::Notification& done() { return done_; }

  // Why it ended. REQUIRES: done() is notified.
  const absl::Status& why() const { return final_; }

  // Bytes that wait to be written.
  int64_t queue_bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // What is written as one message.
  struct Frame {
    std::string bytes;
    bool attach = false;  // Past the bound.
  };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  // Reads the next frame, as soon as the gate is open.
  void ReadOn() ABSL_LOCKS_EXCLUDED(mu_);
  void Append(std::string chunk, bool attach)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Nothing is written any more. `why` may be OK: then the service says.
  void End(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);
  // Takes the pen, unless somebody holds it, and writes.
  void TakePen() ABSL_LOCKS_EXCLUDED(mu_);
  // Takes the next step of the write side. REQUIRES: the caller holds the pen.
  void Write() ABSL_LOCKS_EXCLUDED(mu_);

  LinkGate* const gate_;

  // Lent to gRPC until OnDone().
  grpc::ClientContext context_;

  // Touched only by the read chain: Start(), OnReadDone(), at last OnDone().
  Receiver receiver_;
  grpc::ByteBuffer incoming_;
  absl::Status final_;

  // Touched only by the holder of the pen, and lent to gRPC while it writes.
  grpc::ByteBuffer outgoing_;

  contract::Notification first_;
  contract::Notification done_;

  contract::Silence silence_;

  mutable contract::Mutex mu_;
  std::chrono::steady_clock::time_point written_ ABSL_GUARDED_BY(mu_) =
      std::chrono::steady_clock::now();  // When the last write began.
  std::deque<Frame> outbox_ ABSL_GUARDED_BY(mu_);
  int64_t bounded_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // In frames of use.
  int64_t attach_bytes_ ABSL_GUARDED_BY(mu_) = 0;   // In frames of attaching.
  bool pen_held_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status why_ ABSL_GUARDED_BY(mu_);  // OK: the service's status says.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LINK_LINK_STREAM_H_
