// SPDX-License-Identifier: Apache-2.0
//
// Between the one link and the many shards: what the gateway holds, and
// attaches with; which shards a channel concerns; and the rosters of presence
// channels, as the gateway's sockets were told.
//
// Threads: LinkUp(), Receive() and LinkDown() come from the link, one at a
// time; all else from any loop. One mutex guards everything. Fan-out takes it
// once per frame of the link, never per socket.
//
// Order: what a shard says is enqueued on the link under the mutex that also
// guards what is held; so an attach and the items behind it fit together. What
// the link says is posted to each shard, under the same mutex, in its order.
//
// Invariant: a ticket is open from Subscribe() to its answer, and is answered
// exactly once, by the service or, when the link ends, by the router with
// `unavailable`. A channel is known while it has a subscription or an open
// ticket; its roster lives as long.

#ifndef HERALD_GATEWAY_ROUTER_ROUTER_H_
#define HERALD_GATEWAY_ROUTER_ROUTER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/protocol/channel_message.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/delivery.h"
#include "gateway/router/history_tracker.h"
#include "gateway/router/item_dispatcher.h"
#include "gateway/router/router_state.h"
#include "gateway/router/uplink.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/limits.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

// How much may wait for the link when it is asked to carry more. Only what must
// not be lost may fill the outbox, for a full one ends the link for everybody;
// and a flood of whispers leaves room for questions.
inline constexpr int64_t kWhisperOutboxBytesMax =
    contract::kLinkOutboxBytesMax / 4;
inline constexpr int64_t kQuestionOutboxBytesMax =
    contract::kLinkOutboxBytesMax / 2;

class Router {
 public:
  // `gateway_id` is greater than 0. `observer` outlives the router. No socket
  // takes more than `missed_bytes_max` of what it has missed.
  Router(uint64_t gateway_id, std::string version, Observer* observer,
         int64_t missed_bytes_max = 1 << 20);
  // Proves to the service that the id is ours. Before LinkUp(), or never.
  void SetSecret(std::string secret) { secret_ = std::move(secret); }

  // Says where the shards are, once, before all else.
  void SetShards(std::vector<ShardInbox*> shards);

  // A link is open: puts hello and all that is held into it. `down` is how long
  // there was none; zero for the first.
  void LinkUp(const UplinkPtr& uplink, absl::Duration down)
      ABSL_LOCKS_EXCLUDED(mu_);

  // A frame has come. An error is what the link must end with.
  absl::Status Receive(link::v1::AttachResponse frame) ABSL_LOCKS_EXCLUDED(mu_);

  // The link has ended.
  void LinkDown(absl::string_view why) ABSL_LOCKS_EXCLUDED(mu_);

  // Whether the service answers now: /readyz.
  bool settled() const { return settled_; }

  // For shards. ------------------------------------------------------------

  // Asks for a subscription; the answer comes as a delivery to `shard`, with
  // `recover` when all that followed it is there. Returns the ticket, or 0 if
  // the service is away or kQuestionOutboxBytesMax wait for it.
  int64_t Subscribe(int shard, link::v1::Subscribe question,
                    std::optional<v1::Position> recover = std::nullopt)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Asks for `subscribed` again, behind what is on its way to `shard` already:
  // so a roster in it fits the member changes before and after. False if there
  // will be no answer, for the channel is not known.
  bool Repeat(int shard, const std::string& channel, uint64_t socket,
              int64_t ticket, const std::optional<v1::Position>& recover)
      ABSL_LOCKS_EXCLUDED(mu_);

  // The ticket's answer is not wanted any more. It is delivered all the same:
  // as a refusal, unless a yes is on its way already. What it has missed is not
  // asked for, unless that is on its way.
  void Cancel(int64_t ticket, const std::string& channel)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Ends a subscription that was confirmed.
  void Unsubscribe(int shard, link::v1::Unsubscribe subscription)
      ABSL_LOCKS_EXCLUDED(mu_);

  // As these two, for each `unsubscribe` and `cancel` in `ends`; `channels` are
  // theirs. False, and nothing is done, if kQuestionOutboxBytesMax wait for the
  // service.
  bool Leave(int shard, const link::v1::AttachRequest& ends,
             const std::vector<absl::string_view>& channels)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Passes a client event on. UNAVAILABLE if the service is away,
  // RESOURCE_EXHAUSTED if kWhisperOutboxBytesMax wait for it.
  absl::Status Whisper(link::v1::Whisper whisper) ABSL_LOCKS_EXCLUDED(mu_);

  // A reader has no room for a whisper: its sender, wherever it is, is slowed
  // down. For shards, while they deliver.
  void ReportCongestion(const WhisperOrigin& whisper) ABSL_LOCKS_EXCLUDED(mu_);

  // Asks again; a delivery answers. False if the service cannot be asked now.
  bool Renew(int shard, link::v1::Subscribe question) ABSL_LOCKS_EXCLUDED(mu_);

  // A shard has done its part of a call that no subscribe answers.
  void CallDone(link::v1::CallResult result) ABSL_LOCKS_EXCLUDED(mu_);

  // A shard has applied settings that were delivered to it.
  void SettingsApplied(const link::v1::Settings& settings)
      ABSL_LOCKS_EXCLUDED(mu_);

  // For the process. -------------------------------------------------------

  // Tells the service how many sockets there are, if that is news.
  void Report(int64_t client_count) ABSL_LOCKS_EXCLUDED(mu_);

  // Tells the service, and every later link, that the gateway drains.
  void Goodbye() ABSL_LOCKS_EXCLUDED(mu_);

  uint64_t gateway_id() const { return gateway_id_; }

 private:
  void Enqueue(link::v1::GatewayItem item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    state_.Enqueue(std::move(item));
  }
  void EnqueueAttach(Uplink& uplink, absl::Duration down)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // As Cancel(), on the link already.
  void CancelTicket(int64_t ticket, const std::string& channel,
                    Batches* batches) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A confirmed subscription has ended.
  void Forget(int shard, const link::v1::Unsubscribe& subscription)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Enqueues, unlocks, and flushes.
  bool Send(link::v1::GatewayItem item) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after SetSecret().
  const uint64_t gateway_id_;
  std::string secret_;
  const std::string version_;
  Observer* const observer_;

  std::atomic<bool> settled_{false};

  contract::Mutex mu_;
  RouterState state_ ABSL_GUARDED_BY(mu_);
  HistoryTracker history_ ABSL_GUARDED_BY(mu_);
  ItemDispatcher dispatcher_ ABSL_GUARDED_BY(mu_);
  int64_t last_ticket_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t reported_clients_ ABSL_GUARDED_BY(mu_) = 0;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ROUTER_H_
