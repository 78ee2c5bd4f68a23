// SPDX-License-Identifier: Apache-2.0

#include "service/link/adoptions.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "service/channel/encoding.h"
#include "service/channel/joined_status.h"

namespace herald::core {
namespace {

// The next turn is postponed by this time while the engine has not answered for
// kChannelsPerTurn channels.
constexpr absl::Duration kPause = absl::Milliseconds(1);

}  // namespace

// The adoption of one gateway. It ends when the last turn and all channels have
// returned their shares.
class Adoptions::Adoption {
 public:
  Adoption(AttachmentPtr gateway, std::vector<link::v1::Held> held, Done done)
      : gateway_(std::move(gateway)),
        held_(std::move(held)),
        done_(std::move(done)),
        parts_(held_.size() + 1) {}

  const AttachmentPtr& gateway() const { return gateway_; }
  const std::vector<link::v1::Held>& held() const { return held_; }

  // Returns the share of one channel, which was adopted or has failed.
  static void Take(ChannelShard& shard,
                   const std::shared_ptr<Adoption>& adoption,
                   const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
    --adoption->open_count_;
    if (!adoption->parts_.Join(status)) return;
    AfterLock(shard, [adoption] { adoption->End(); });
  }

  // Channels whose shares were given and not returned.
  size_t open_count() const { return open_count_; }
  void Give() { ++open_count_; }

  // Returns the share of the last turn.
  void TakeLast() {
    if (parts_.Join()) End();
  }

 private:
  void End() { done_(parts_.status()); }

  const AttachmentPtr gateway_;
  const std::vector<link::v1::Held> held_;
  Done done_;
  JoinedStatus parts_;
  std::atomic<size_t> open_count_{0};
};

void Adoptions::Begin(const AttachmentPtr& gateway,
                      std::vector<link::v1::Held> held, Done done) {
  Continue(
      std::make_shared<Adoption>(gateway, std::move(held), std::move(done)),
      /*first=*/0);
}

void Adoptions::Continue(const AdoptionPtr& adoption, size_t first) {
  // An engine may answer after a round trip. Without this bound, a gateway with
  // a million channels would have as many calls in flight.
  if (adoption->open_count() >= kChannelsPerTurn) {
    return timers_->After(
        kPause, [this, adoption, first] { Continue(adoption, first); });
  }
  const std::vector<link::v1::Held>& held = adoption->held();
  const size_t end = std::min(held.size(), first + kChannelsPerTurn);
  for (size_t i = first; i < end; ++i) Open(adoption, held[i]);
  if (end < held.size()) {
    return timers_->After(absl::ZeroDuration(),
                          [this, adoption, end] { Continue(adoption, end); });
  }
  // Once, with the channels of all turns: Keep() removes the gateway's members
  // from the channels that it does not list.
  std::vector<std::string> channels;
  channels.reserve(held.size());
  for (const link::v1::Held& one : held) channels.push_back(one.channel());
  const AttachmentPtr& gateway = adoption->gateway();
  membership_->Keep(gateway->gateway, gateway->attach, channels);
  adoption->TakeLast();
}

void Adoptions::Open(const AdoptionPtr& adoption, const link::v1::Held& held) {
  adoption->Give();
  ChannelShard& shard = table_->ShardOf(held.channel());
  const ShardLock lock(shard);
  open_->WhenOpen(shard, held.channel(),
                  [this, adoption, &held](ChannelShard& locked,
                                          const absl::Status& opened) {
                    locked.mu.AssertHeld();
                    if (opened.ok() && !adoption->gateway()->ended) {
                      return Replace(locked, adoption, held);
                    }
                    Adoption::Take(locked, adoption, opened);
                  });
}

void Adoptions::Replace(ChannelShard& shard, const AdoptionPtr& adoption,
                        const link::v1::Held& held) {
  const AttachmentPtr& gateway = adoption->gateway();
  const std::string& channel = held.channel();
  // Until End(): the engine may answer later, and without a listener the
  // channel would be closed before. A reservation in the table was tried, but
  // it counts as a subscription, against max_subscribers and max_channels.
  open_->Hold(shard, channel);
  std::vector<GatewayMember> members;
  absl::Duration grace;
  if (IsPresence(shard, channel)) {
    for (const link::v1::HeldMember& one : held.members()) {
      members.push_back(
          {one.member(), {one.socket_ids().begin(), one.socket_ids().end()}});
    }
    grace = shard.rules->Of(channel).member_grace;
  }
  membership_->Replace(channel, gateway->gateway, gateway->attach,
                       held.subscription_count(), std::move(members), grace,
                       [this, adoption, &held](const absl::Status& replaced) {
                         ChannelShard& locked = table_->ShardOf(held.channel());
                         locked.mu.AssertHeld();
                         if (replaced.ok() && !adoption->gateway()->ended) {
                           Count(locked, adoption, held);
                         } else {
                           End(locked, adoption, held, replaced);
                         }
                       });
}

void Adoptions::Count(ChannelShard& shard, const AdoptionPtr& adoption,
                      const link::v1::Held& held) {
  // Before the gateway is in the table: from then on it receives publications,
  // and these must follow the missed ones. Both happen in one locked section,
  // so nothing is published between. Limits are ignored (`force`), because
  // these subscriptions were admitted before.
  recoveries_->Repair(
      shard, adoption->gateway(), held,
      [this, adoption, &held](ChannelShard& locked) {
        locked.mu.AssertHeld();
        const AttachmentPtr& gateway = adoption->gateway();
        const std::string& channel = held.channel();
        if (!gateway->ended) {
          table_->Obtain(locked, channel, /*force=*/true);
          table_->Change(locked, channel, gateway, held.subscription_count());
          // Before the service has settled, Settling sends all rosters later.
          if (HasRoster(channel) && locked.settled) {
            EnqueueStateIn(locked, gateway->sink, fanout_->RosterItem(channel));
          }
        }
        End(locked, adoption, held, absl::OkStatus());
      });
}

void Adoptions::End(ChannelShard& shard, const AdoptionPtr& adoption,
                    const link::v1::Held& held, const absl::Status& status) {
  open_->Release(shard, held.channel());
  Adoption::Take(shard, adoption, status);
}

}  // namespace herald::core
