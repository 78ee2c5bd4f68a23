// SPDX-License-Identifier: Apache-2.0
//
// Publishes client events of a gateway to all, and sends congestion back to the
// sender's gateway.
//
// Threads: any.

#ifndef HERALD_SERVICE_LINK_WHISPERS_H_
#define HERALD_SERVICE_LINK_WHISPERS_H_

#include "absl/status/status.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/channel/fanout.h"
#include "service/channel/sink.h"
#include "service/engine/ports.h"
#include "service/gateways/attachment.h"
#include "service/gateways/gateways.h"

namespace herald::core {

class Whispers final : public CongestionListener {
 public:
  // `gateways` outlives the object.
  Whispers(const Ports& ports, Gateways* gateways)
      : table_(ports.table),
        log_(ports.log),
        timers_(ports.timers),
        gateways_(gateways) {}

  // INVALID_ARGUMENT if the gateway has no subscription of the channel.
  absl::Status On(const AttachmentPtr& gateway, link::v1::Whisper whisper);

  // CongestionListener. Takes the lock of Gateways only.
  void OnCongestion(const link::v1::Congestion& congestion,
                    FlushList& flushes) override;

 private:
  ChannelTable* const table_;
  ChannelLog* const log_;
  Timers* const timers_;
  Gateways* const gateways_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_WHISPERS_H_
