// SPDX-License-Identifier: Apache-2.0
//
// One gateway for as long as one link of it lives. A gateway that comes back
// gets a new one, so nothing of an old link can be mistaken for the new.
//
// Threads: see the groups of members.

#ifndef HERALD_SERVICE_CORE_ATTACHMENT_H_
#define HERALD_SERVICE_CORE_ATTACHMENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/core/sink.h"

namespace herald::core {

// A subscribe that waits for its decision.
struct PendingSubscribe {
  int64_t ticket = 0;
  std::string socket_id;
  std::string channel;
  int64_t call_id = 0;
  bool cancelled = false;
};

// Why one may not be.
struct Refusal {
  link::v1::Refused::Code code;
  std::string reason;
};

struct Attachment {
  Attachment(const link::v1::Hello& hello, SinkPtr to, absl::Time now)
      : gateway(static_cast<uint64_t>(hello.gateway_id())),
        version(hello.version()),
        link_down(absl::Milliseconds(hello.link_down_ms())),
        since(now),
        sink(std::move(to)) {}

  // Constant after construction.
  const uint64_t gateway;
  const std::string version;
  const absl::Duration link_down;
  const absl::Time since;
  const SinkPtr sink;

  // Touched only by the link's reading thread.
  std::vector<link::v1::Held> held;
  bool goodbye = false;

  // Any thread. `ended` is set before the hub sweeps the shards, and read with
  // a shard locked by whoever adds to it: so nothing is added behind the sweep.
  std::atomic<bool> attached{false};
  std::atomic<bool> ended{false};
  std::atomic<int64_t> client_count{0};
  std::atomic<int64_t> subscription_count{0};

  contract::Mutex mu;
  absl::flat_hash_map<int64_t, PendingSubscribe> pending ABSL_GUARDED_BY(mu);
};

using AttachmentPtr = std::shared_ptr<Attachment>;

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_ATTACHMENT_H_
