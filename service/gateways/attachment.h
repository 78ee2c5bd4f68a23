// SPDX-License-Identifier: Apache-2.0
//
// One gateway for the life of one link. A gateway that reconnects gets a new
// attachment, so late events of an old link cannot affect the new one.
//
// Threads: see the groups of members.

#ifndef HERALD_SERVICE_GATEWAYS_ATTACHMENT_H_
#define HERALD_SERVICE_GATEWAYS_ATTACHMENT_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/admission/source.h"
#include "proto/contract/mutex.h"
#include "service/channel/peer.h"
#include "service/gateways/link_bytes.h"

namespace herald::core {

// A subscribe that waits for its decision.
struct PendingSubscribe {
  int64_t ticket = 0;
  std::string socket_id;
  std::string channel;
  int64_t call_id = 0;
  bool cancelled = false;
};

struct Attachment final : Peer {
  // `is_proven`: the link has shown the secret that belongs to the id. `from`:
  // the address of the gateway.
  Attachment(const link::v1::Hello& hello, SinkPtr to, absl::Time now,
             bool is_proven = false,
             admission::Source from = admission::kNoSource,
             LinkBytes::AccountPtr account = nullptr)
      : Peer(std::move(to)),
        gateway(static_cast<uint64_t>(hello.gateway_id())),
        source(from),
        proven(is_proven),
        version(hello.version()),
        link_down(absl::Milliseconds(hello.link_down_ms())),
        since(now),
        bytes(std::move(account)) {}

  // Constant after construction.
  const uint64_t gateway;
  const admission::Source source;
  const bool proven;
  const std::string version;
  const absl::Duration link_down;
  const absl::Time since;
  const LinkBytes::AccountPtr bytes;  // nullptr in tests without Links.

  // Touched only by the link's reading thread.
  // Until `attached`: the held channels, their names, and their memory.
  std::vector<link::v1::Held> held;
  absl::flat_hash_set<std::string> held_names;
  int64_t held_bytes = 0;
  bool acknowledged = false;  // The settings are in force there.
  bool said_attached = false;

  // Written by that thread. `held_at`: when the last held channel came, in Unix
  // nanoseconds; only while the service starts.
  std::atomic<int64_t> held_at{0};
  std::atomic<bool> goodbye{false};
  std::atomic<bool> moving{false};

  // Written by Gateways: the link gives way to a newer one of another gateway.
  std::atomic<bool> evicted{false};

  // Any thread. `attach` is the attach number, 0 until the engine has assigned
  // it. While `adopting`, items are queued.
  std::atomic<int64_t> attach{0};
  std::atomic<bool> numberless{false};  // The engine could not give it one.
  std::atomic<bool> adopting{false};
  std::atomic<bool> attached{false};
  std::atomic<int64_t> client_count{0};

  // Any thread. Answers to calls, in time or not; whether a timer waits for the
  // next one; and when its probation (probation.h) ends, in Unix nanoseconds.
  std::atomic<int64_t> answers{0};
  std::atomic<bool> awaits_answer{false};
  std::atomic<int64_t> probation_until{0};

  contract::Mutex mu;
  absl::flat_hash_map<int64_t, PendingSubscribe> pending ABSL_GUARDED_BY(mu);
  // Recoveries that wait until the outbox is below its bound, and whether a
  // timer will check them.
  std::deque<link::v1::Recover> recovers ABSL_GUARDED_BY(mu);
  bool recovering ABSL_GUARDED_BY(mu) = false;
  size_t recoveries_asked ABSL_GUARDED_BY(mu) = 0;  // Of the log, unanswered.
  // Items queued during the adoption, and their memory; and the held channels,
  // if `attached` came before the attach number.
  std::deque<link::v1::GatewayItem> waiting ABSL_GUARDED_BY(mu);
  int64_t waiting_bytes ABSL_GUARDED_BY(mu) = 0;
  absl::Status failure ABSL_GUARDED_BY(mu);  // A rule that one of them broke.
  std::optional<std::vector<link::v1::Held>> to_adopt ABSL_GUARDED_BY(mu);
};

using AttachmentPtr = std::shared_ptr<Attachment>;

}  // namespace herald::core

#endif  // HERALD_SERVICE_GATEWAYS_ATTACHMENT_H_
