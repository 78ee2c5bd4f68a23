// SPDX-License-Identifier: Apache-2.0
//
// The service's end of one link: one GatewayService.Attach stream. Frames are
// raw bytes in both directions, because the core's chunks are serialized
// already and shared by all links that carry them.
//
// Threads, lifetime and writing: sink_reactor.h.
//
// Order: the chain of reads handles items one after the other. It also closes
// the attachment, exactly once, when the link has ended.

#ifndef HERALD_SERVICE_RPC_STREAMS_GATEWAY_REACTOR_H_
#define HERALD_SERVICE_RPC_STREAMS_GATEWAY_REACTOR_H_

#include <string>

#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/silence.h"
#include "proto/log/log_pause.h"
#include "service/link/links.h"
#include "service/rpc/gate/stream_limit.h"
#include "service/rpc/streams/sink_reactor.h"

namespace herald::rpc {

class GatewayReactor final
    : public SinkReactor<
          grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>> {
 public:
  // Begins to read. The result belongs to its stream, and has `slot` until
  // that has ended. REQUIRES: the others outlive the server.
  // Of `options` the pacer, the timers and the interval of keepalives are used.
  static GatewayReactor* Start(grpc::CallbackServerContext* context,
                               core::Links* links, const SinkOptions& options,
                               StreamCounters* counters, RpcCounters* rpcs,
                               process::LogPause* refusals,
                               StreamLimit::Slot slot);

  // `options` with the bounds of a link's outbox.
  static SinkOptions WithBounds(SinkOptions options);

 private:
  GatewayReactor(grpc::CallbackServerContext* context, core::Links* links,
                 const SinkOptions& options, StreamCounters* counters,
                 RpcCounters* rpcs, process::LogPause* refusals,
                 StreamLimit::Slot slot);

  void OnReadDone(bool ok) override;
  void OnEnded(grpc::StatusCode code) override;

  // Passes the items of frame_ to the core. An error ends the link.
  absl::Status HandleFrame();

  // Ends the link of a gateway that has sent keepalives and is silent now;
  // checks again after each interval.
  static void ListenIn(const SinkOptions& options,
                       std::weak_ptr<GatewayReactor> weak);

  // Opens the attachment. An error ends the link.
  absl::Status TakeHello(const link::v1::Hello& hello);

  // Ends the chain of reads.
  void EndReading(absl::Status why);

  // Logs why a link was refused, or that it broke a rule.
  void LogRefusal(absl::string_view why);

  // Constant after construction.
  core::Links* const links_;
  RpcCounters* const rpcs_;
  process::LogPause* const refusals_;
  const core::LinkBytes::AccountPtr account_;
  const std::string peer_;

  // Touched by the constructor and OnEnded() only.
  StreamLimit::Slot slot_;

  contract::Silence silence_;

  // Touched only by the chain of reads.
  grpc::ByteBuffer reading_;
  link::v1::AttachRequest frame_;
  std::shared_ptr<void> awaiting_;  // Until the hello.
  core::AttachmentPtr attachment_;  // From the hello on.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_GATEWAY_REACTOR_H_
