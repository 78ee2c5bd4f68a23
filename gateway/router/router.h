// SPDX-License-Identifier: Apache-2.0
//
// Connects the link to the shards. It keeps the holdings of the gateway, with
// which it attaches, and the shards that each channel concerns. It also keeps
// the rosters of presence channels, as the gateway's sockets know them.
//
// Threads: the link calls LinkUp(), Receive() and LinkDown(), one at a time.
// Any loop may call the other methods. One mutex guards all state. Fan-out
// locks it once per frame of the link, never per socket. Nothing is encoded
// under it: items of the link are encoded before or, if they are made under it,
// by the link (uplink_chunk.h).
//
// Order: items of a shard are enqueued under the mutex that also guards the
// holdings. So an attach and the items behind it are consistent. Items of the
// link are posted to each shard in their order, under the same mutex.
//
// Invariant: a ticket is open from Subscribe() to its answer, and is answered
// exactly once. If the link ends before the service answers, the router answers
// `unavailable`. A channel and its roster exist while the channel has a
// subscription or an open ticket.

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
#include "gateway/channels/delivery.h"
#include "gateway/protocol/channel_message.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/history_tracker.h"
#include "gateway/router/item_dispatcher.h"
#include "gateway/router/router_state.h"
#include "gateway/uplink/uplink.h"
#include "gateway/uplink/uplink_chunk.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/admission/recent_use.h"
#include "proto/contract/channel_key.h"
#include "proto/contract/limits.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

// Bounds on the link's outbox for items that may be refused. Only items that
// must not be lost may fill the outbox, because a full outbox ends the link. A
// flood of whispers leaves room for questions.
inline constexpr int64_t kWhisperOutboxBytesMax =
    contract::kLinkOutboxBytesMax / 4;
inline constexpr int64_t kQuestionOutboxBytesMax =
    contract::kLinkOutboxBytesMax / 2;

// Where sources contend, the one that has sent the most lately fills the outbox
// to kWhisperOutboxBytesMax. One that has sent nothing goes on to
// kQuestionOutboxBytesMax or, with whispers, to this.
inline constexpr int64_t kRareWhisperOutboxBytesMax =
    (kWhisperOutboxBytesMax + kQuestionOutboxBytesMax) / 2;

// Ends of subscriptions can wait, and many may come at once. They leave room
// for the questions of sources that have sent little.
inline constexpr int64_t kEndOutboxBytesMax = kRareWhisperOutboxBytesMax;

class Router {
 public:
  // `gateway_id` is greater than 0. `observer` outlives the router. No socket
  // takes more than `missed_bytes_max` bytes of missed messages.
  Router(uint64_t gateway_id, std::string version, GatewayObserver* observer,
         int64_t missed_bytes_max = 1 << 20);
  // Sets the proof of the gateway id. Must precede LinkUp(); optional.
  void SetSecret(std::string secret) { secret_ = std::move(secret); }

  // Sets the shards. Called once, before all other methods.
  void SetShards(std::vector<ShardInbox*> shards);

  // A link is open: enqueues hello and all holdings. `down` is the time without
  // a link; zero for the first link.
  void LinkUp(const UplinkPtr& uplink, absl::Duration down)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Handles a frame. On an error the link must end with it.
  absl::Status Receive(link::v1::AttachResponse frame) ABSL_LOCKS_EXCLUDED(mu_);

  // The link has ended.
  void LinkDown(absl::string_view why) ABSL_LOCKS_EXCLUDED(mu_);

  // Returns true if the service answers questions now: /readyz.
  bool settled() const { return settled_; }

  // For shards. ------------------------------------------------------------
  // In messages of the link, `channel` is the text of the channel's key.

  // Sends a subscribe. The answer is a delivery to `shard`; with `recover` it
  // waits for the missed publications. Returns the ticket, or 0 if the service
  // is away or the outbox is full for `source`.
  int64_t Subscribe(int shard, link::v1::Subscribe question,
                    std::optional<v1::Position> recover = std::nullopt,
                    admission::Source source = admission::kNoSource)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Repeats `subscribed`, behind the deliveries that are on their way to
  // `shard`. So a roster in it matches the member changes before and after it.
  // Returns false if the channel is unknown, and then delivers nothing.
  bool Repeat(int shard, contract::ChannelKeyView channel, uint64_t socket,
              int64_t ticket, const std::optional<v1::Position>& recover)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Cancels a ticket. Its answer is still delivered: as Refused, or as
  // Confirmed if that is on its way. Missed publications are not requested,
  // unless the request is on its way. If the outbox is too full for the item,
  // the service is not notified before its answer.
  void Cancel(int64_t ticket, contract::ChannelKeyView channel)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Ends a subscription whose Confirmed has crossed with its Cancel().
  void Unsubscribe(int shard, link::v1::Unsubscribe subscription)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Ends the confirmed subscription or cancels the ticket of each item in
  // `ends`; `channels` are the channels of the items. Returns false, and does
  // nothing, if the outbox holds kEndOutboxBytesMax.
  bool Leave(int shard, const link::v1::AttachRequest& ends,
             const std::vector<contract::ChannelKeyView>& channels)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Asks about the socket with that number, of loop `shard`; a SocketAnswered
  // is the answer. Returns the ticket, or 0 as Subscribe() does.
  int64_t AskAboutSocket(int shard, uint64_t socket,
                         link::v1::SocketQuestion question,
                         admission::Source source = admission::kNoSource)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Sends a client event to the service. UNAVAILABLE: the service is away.
  // RESOURCE_EXHAUSTED: the outbox is full for `source`.
  absl::Status Whisper(link::v1::Whisper whisper,
                       admission::Source source = admission::kNoSource)
      ABSL_LOCKS_EXCLUDED(mu_);

  // A reader has no room for a whisper: slows its sender down, on any gateway.
  // Shards call it while they deliver.
  void ReportCongestion(const WhisperOrigin& whisper) ABSL_LOCKS_EXCLUDED(mu_);

  // Renews a grant; a delivery answers. Returns false if the service is away or
  // the outbox holds kQuestionOutboxBytesMax.
  bool Renew(int shard, link::v1::Subscribe question) ABSL_LOCKS_EXCLUDED(mu_);

  // A shard has carried out its part of a call that no subscribe answers. The
  // result of a call from an earlier link is sent on the current one. The
  // service ignores it there, since it uses no call number twice.
  void CallDone(link::v1::CallResult result) ABSL_LOCKS_EXCLUDED(mu_);

  // A shard has applied delivered settings.
  void SettingsApplied(const link::v1::Settings& settings)
      ABSL_LOCKS_EXCLUDED(mu_);

  // For the process. -------------------------------------------------------

  // Reports the number of sockets to the service, if it has changed.
  void Report(int64_t client_count) ABSL_LOCKS_EXCLUDED(mu_);

  // Notifies the service, and that of every later link, that the gateway
  // drains.
  void Goodbye() ABSL_LOCKS_EXCLUDED(mu_);

  uint64_t gateway_id() const { return gateway_id_; }

 private:
  // Enqueues an item of a client, unless the outbox has `bytes_max`; where
  // sources contend, less for those that send much, `rare_max` for others.
  bool TryEnqueue(UplinkChunk chunk, admission::Source source,
                  int64_t bytes_max = kQuestionOutboxBytesMax,
                  int64_t rare_max = kQuestionOutboxBytesMax)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EnqueueAttach(Uplink& uplink, absl::Duration down)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Cancels a ticket after its `cancel` was enqueued.
  void CancelTicket(int64_t ticket, contract::ChannelKeyView channel,
                    Batches* batches) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends a confirmed subscription, without an item.
  void Forget(int shard, const link::v1::Unsubscribe& subscription)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Enqueues, unlocks and flushes. Returns false if there is no link.
  bool Send(link::v1::GatewayItem item) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after SetSecret().
  const uint64_t gateway_id_;
  std::string secret_;
  const std::string version_;
  GatewayObserver* const observer_;

  std::atomic<bool> settled_{false};
  std::atomic<int64_t> last_ticket_{0};

  contract::Mutex mu_;
  RouterState state_ ABSL_GUARDED_BY(mu_);
  HistoryTracker history_ ABSL_GUARDED_BY(mu_);
  ItemDispatcher dispatcher_ ABSL_GUARDED_BY(mu_);
  // Bytes of clients' items.
  admission::RecentUse sent_ ABSL_GUARDED_BY(mu_){
      contract::kLinkOutboxBytesMax};
  int64_t reported_clients_ ABSL_GUARDED_BY(mu_) = 0;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ROUTER_H_
