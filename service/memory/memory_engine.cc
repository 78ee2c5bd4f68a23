// SPDX-License-Identifier: Apache-2.0

#include "service/memory/memory_engine.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/require.h"
#include "service/channel/channel_shard.h"

namespace herald::core {

using contract::MutexLock;

namespace {

// How often expired publications are freed.
constexpr absl::Duration kExpireInterval = absl::Seconds(1);

uint64_t RandomBits() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

MemoryEngine::MemoryEngine(Timers* timers, MemoryEngineOptions options)
    : timers_(timers),
      lease_(options.lease),
      history_(options.history_bytes_max,
               options.random ? std::move(options.random) : &RandomBits),
      departures_(options.departures_at_once) {}

void MemoryEngine::Open(absl::string_view channel, const HistoryLimits& limits,
                        OpenDone done) {
  {
    MutexLock lock(&open_mu_);
    // First, because NoteHistory() notes nothing of a channel that is not open.
    open_.try_emplace(channel, false);
  }
  if (limits.size > 0) {
    const History::Place place = history_.Find(channel, limits, timers_->Now());
    TellOf(channel, place, place.position);
    NoteHistory(channel);
  } else if (history_.Peek(channel).has_value()) {
    Forget(channel);
  }
  done(absl::OkStatus());
}

void MemoryEngine::Close(absl::string_view channel) {
  // Listeners that have left may return within the time to live
  // (AHubWithHistory.GivesListenersTimeToReturn).
  history_.Touch(channel, timers_->Now());
  MutexLock lock(&open_mu_);
  open_.erase(channel);
}

void MemoryEngine::TellOf(absl::string_view channel,
                          const History::Place& place,
                          const Position& begins_at) {
  TellOfEvictions(place.given_up);
  if (!place.begun) return;
  listener_->OnHistoryBegan(channel, begins_at, /*lost=*/false);
  ExpireLater();
}

void MemoryEngine::Forget(absl::string_view channel) {
  bool known = history_.Forget(channel);
  {
    MutexLock lock(&open_mu_);
    // Also if it was evicted before, when memory was short: the listeners still
    // know its epoch, and publications without a number follow.
    const auto it = open_.find(channel);
    if (it != open_.end()) known |= std::exchange(it->second, false);
  }
  if (known) listener_->OnHistoryEnded(channel, /*lost=*/false);
}

void MemoryEngine::NoteHistory(absl::string_view channel) {
  MutexLock lock(&open_mu_);
  const auto it = open_.find(channel);
  if (it != open_.end()) it->second = true;
}

void MemoryEngine::Publish(std::shared_ptr<Publication> publication,
                           const PublishOptions& options, PublishDone done) {
  contract::Require(listener_ != nullptr);
  const absl::string_view key = options.idempotency_key;
  if (key.empty()) return done(Place(publication, options.history));
  // The shard stays locked until we return, so a concurrent repeat comes after
  // Remember().
  const absl::Time now = timers_->Now();
  std::optional<IdempotencyCache::FirstAnswer> first =
      keys_.Find(publication->channel, key, now);
  if (first.has_value()) {
    return done(
        PublishResult{std::move(first->position), first->subscribers, true});
  }
  PublishResult receipt = Place(publication, options.history);
  const absl::Duration life =
      options.history.size == 0
          ? kIdempotencyLife
          : std::max(kIdempotencyLife, options.history.ttl);
  if (keys_.Remember(publication->channel, key,
                     {receipt.position, receipt.subscribers}, life, now)) {
    listener_->OnKeyEvicted();
  }
  done(std::move(receipt));
}

MemoryEngine::PublishResult MemoryEngine::Place(
    const std::shared_ptr<Publication>& publication,
    const HistoryLimits& limits) {
  const std::string& channel = publication->channel;
  if (limits.size == 0) {
    // The publication is not stored, so the history would have a gap.
    if (!publication->whisper && !history_.empty() &&
        history_.Peek(channel).has_value()) {
      Forget(channel);
    }
    return {Position(), listener_->OnPublication(publication), false};
  }
  const absl::Time now = timers_->Now();
  // In this order, with the shard locked. A new epoch is announced before its
  // first publication. The offset is set before the delivery, which encodes the
  // chunk that Keep() stores. A subscription that begins after this call has
  // the publication behind it, and one that begins before gets it.
  History::Place place = history_.Number(channel, limits, now);
  TellOf(channel, place, {place.position.epoch, 0});
  if (place.begun) NoteHistory(channel);
  publication->offset = place.position.offset;
  const int64_t subscribers = listener_->OnPublication(publication);
  TellOfEvictions(
      history_.Keep(channel, place.position, publication->LinkChunk(), now));
  return {std::move(place.position), subscribers, false};
}

void MemoryEngine::Fetch(absl::string_view channel,
                         const std::optional<Position>& since, size_t count_max,
                         MissedDone done) {
  Missed missed;
  listener_->WithChannel(channel, [&] {
    // A history that the rules no longer allow may have gaps.
    if (listener_->RulesOf(channel).history_size == 0) return;
    missed = history_.Since(channel, since, count_max, timers_->Now());
  });
  done(std::move(missed));
}

void MemoryEngine::ApplyHistoryRules() {
  // The shards have the rules already, so a history that begins meanwhile needs
  // no check.
  for (const std::string& channel : history_.Names()) {
    listener_->WithChannel(channel, [&] {
      if (listener_->RulesOf(channel).history_size == 0) Forget(channel);
    });
  }
}

void MemoryEngine::ExpireLater() {
  if (expiring_.exchange(true)) return;
  timers_->After(kExpireInterval, [this] { ExpireHistories(); });
}

void MemoryEngine::ExpireHistories() {
  for (const std::string& channel : history_.Expire(timers_->Now())) {
    listener_->WithChannel(channel, [&] {
      // A history with listeners keeps its counter, so that the next event
      // continues the epoch.
      {
        MutexLock lock(&open_mu_);
        if (open_.contains(channel)) return;
      }
      history_.ForgetIfIdle(channel, timers_->Now());
    });
  }
  // Cleared before the count is read, so that a history that begins now
  // schedules the next call itself or is counted here.
  expiring_ = false;
  if (history_.channel_count() > 0) ExpireLater();
}

void MemoryEngine::ChangeMembers(
    absl::string_view channel,
    absl::FunctionRef<Presence::Changes(Presence&)> change) {
  Presence::Changes changes;
  {
    MutexLock lock(&mu_);
    Presence& presence =
        presence_
            .try_emplace(channel, channel, &departures_, &gateway_channels_)
            .first->second;
    const int64_t before = presence.member_count();
    changes = change(presence);
    total_member_count_ += presence.member_count() - before;
    if (presence.empty()) presence_.erase(channel);
  }
  // Without mu_, which other channels need. The shard's lock keeps the order of
  // this channel's changes.
  for (const v1::Member& member : changes.added) {
    listener_->OnMemberAdded(channel, member);
  }
  for (const std::string& user_id : changes.removed) {
    listener_->OnMemberRemoved(channel, user_id);
  }
  if (changes.delayed > 0) listener_->OnDeparturesDelayed(changes.delayed);
  for (const auto& [user_id, grace] : changes.away) {
    timers_->After(grace, [this, name = std::string(channel), user = user_id] {
      listener_->WithChannel(name, [&] { EndGrace(name, user); });
    });
  }
}

void MemoryEngine::EndGrace(absl::string_view channel,
                            absl::string_view user_id) {
  ChangeMembers(channel, [&](Presence& presence) {
    return presence.EndGrace(user_id, timers_->Now());
  });
}

void MemoryEngine::Admit(absl::string_view channel,
                         AdmissionRequest subscription, AdmitDone done) {
  const bool full = subscription.count_max > 0 &&
                    subscription.count >= subscription.count_max;
  // Most subscriptions make no user present, and cost no lock here.
  if (!subscription.member.has_value()) {
    return done(full ? Admission::kTooManySubscribers : Admission::kAdmitted);
  }
  const v1::Member& member = *subscription.member;
  const SocketRef& socket = subscription.socket;
  Admission admission = Admission::kAdmitted;
  ChangeMembers(channel, [&](Presence& presence) {
    mu_.AssertHeld();
    Presence::Changes changes;
    departures_.ForgetFullOnes(timers_->Now());
    // In the section that changes the members, here and below. When the number
    // was checked under a lock of its own, a newer link could attach in
    // between, and the older one replaced its members.
    if (!IsNewest(socket.gateway, subscription.attach)) {
      admission = Admission::kUnavailable;
    } else if (presence.BytesWith(member) > contract::kMembersBytesMax) {
      admission = Admission::kTooManyMembers;
    } else if (full) {
      admission = Admission::kTooManySubscribers;
    } else if (presence.Join(member, socket)) {
      changes.added.push_back(member);
    }
    return changes;
  });
  done(admission);
}

void MemoryEngine::Dismiss(absl::string_view channel, absl::string_view user_id,
                           const SocketRef& socket, int64_t attach,
                           absl::Duration grace) {
  if (user_id.empty()) return;
  ChangeMembers(channel, [&](Presence& presence) {
    mu_.AssertHeld();
    if (!IsNewest(socket.gateway, attach)) return Presence::Changes();
    return presence.Leave(user_id, socket, {timers_->Now(), grace});
  });
}

void MemoryEngine::Replace(absl::string_view channel, uint64_t gateway,
                           int64_t attach, int64_t /*count*/,
                           std::vector<GatewayMember> members,
                           absl::Duration grace, ReplaceDone done) {
  // Most channels have no members: no lock for each of a million.
  if (!HasRoster(channel)) return done(absl::OkStatus());
  constexpr int64_t kBytesMax = 2 * contract::kMembersBytesMax;
  bool is_newest = false;
  int64_t bytes = 0;
  ChangeMembers(channel, [&](Presence& presence) {
    mu_.AssertHeld();
    is_newest = IsNewest(gateway, attach);
    bytes = presence.BytesWith(members);
    if (!is_newest || bytes > kBytesMax) return Presence::Changes();
    return presence.Replace(gateway, members, {timers_->Now(), grace});
  });
  if (!is_newest) {
    return done(absl::UnavailableError("a newer link has attached"));
  }
  if (bytes <= kBytesMax) return done(absl::OkStatus());
  done(absl::InvalidArgumentError(
      absl::StrCat("channel ", channel, " would have members of ", bytes,
                   " bytes; at most ", kBytesMax, " are allowed")));
}

void MemoryEngine::Attach(uint64_t gateway, AttachDone done) {
  int64_t attach = 0;
  {
    MutexLock lock(&mu_);
    // One counter for all gateways. With one for each, the numbers of a gateway
    // would begin again after its lease, and late calls of an older link would
    // match.
    attach = attaches_[gateway] = ++last_attach_;
  }
  done(attach);
}

void MemoryEngine::Keep(uint64_t gateway, int64_t attach,
                        const std::vector<std::string>& channels) {
  const absl::flat_hash_set<absl::string_view> kept(channels.begin(),
                                                    channels.end());
  // A newer link of the gateway has members of its own.
  RemoveGateway(gateway, kept, [&] { return IsAttached(gateway, attach); });
}

void MemoryEngine::Detach(uint64_t gateway, int64_t attach, bool goodbye) {
  // The end of a link that was replaced: the newer link has the lease.
  if (!IsAttached(gateway, attach)) return;
  if (goodbye) {
    EndLease(gateway, attach);
    return;
  }
  timers_->After(lease_, [this, gateway, attach] {
    if (EndLease(gateway, attach)) listener_->OnLeaseEnded(gateway, attach);
  });
}

bool MemoryEngine::EndLease(uint64_t gateway, int64_t attach) {
  {
    MutexLock lock(&mu_);
    if (!IsNewest(gateway, attach)) return false;
    // Before the members: from here on the gateway counts as one without a
    // lease, and RemoveGateway() stops where it attaches again.
    attaches_.erase(gateway);
  }
  // If the gateway attaches meanwhile, its new link replaces these members.
  RemoveGateway(gateway, {}, [&] {
    MutexLock lock(&mu_);
    return !attaches_.contains(gateway);
  });
  return true;
}

bool MemoryEngine::IsNewest(uint64_t gateway, int64_t attach) const {
  const auto it = attaches_.find(gateway);
  return it != attaches_.end() && it->second == attach;
}

bool MemoryEngine::IsAttached(uint64_t gateway, int64_t attach) const {
  MutexLock lock(&mu_);
  return IsNewest(gateway, attach);
}

void MemoryEngine::RemoveGateway(
    uint64_t gateway, const absl::flat_hash_set<absl::string_view>& kept,
    absl::FunctionRef<bool()> may) {
  // Names first, then one channel after the other: a shard is locked before mu_
  // (shard.h). So `may` is asked for each, with its shard locked.
  std::vector<std::string> channels;
  {
    MutexLock lock(&mu_);
    for (const std::string* channel : gateway_channels_.Of(gateway)) {
      if (!kept.contains(*channel)) channels.push_back(*channel);
    }
  }
  for (const std::string& channel : channels) {
    listener_->WithChannel(channel, [&] {
      if (!may()) return;
      const absl::Duration grace = listener_->RulesOf(channel).member_grace;
      ChangeMembers(channel, [&](Presence& presence) {
        return presence.Replace(gateway, {}, {timers_->Now(), grace});
      });
    });
  }
}

void MemoryEngine::ApplyPresenceRules() {
  std::vector<std::string> channels;
  {
    MutexLock lock(&mu_);
    for (const auto& [channel, presence] : presence_) {
      channels.push_back(channel);
    }
  }
  for (const std::string& channel : channels) {
    listener_->WithChannel(channel, [&] {
      if (listener_->RulesOf(channel).presence) return;
      ChangeMembers(channel,
                    [](Presence& presence) { return presence.Clear(); });
    });
  }
}

std::vector<v1::PresentMember> MemoryEngine::Members(
    absl::string_view channel) const {
  MutexLock lock(&mu_);
  const auto it = presence_.find(channel);
  if (it == presence_.end()) return {};
  return it->second.Members();
}

int64_t MemoryEngine::MemberCount(absl::string_view channel) const {
  MutexLock lock(&mu_);
  const auto it = presence_.find(channel);
  return it == presence_.end() ? 0 : it->second.member_count();
}

ChannelState MemoryEngine::StateOf(absl::string_view channel) {
  ChannelState state;
  state.name = std::string(channel);
  listener_->WithChannel(channel, [&] {
    // In one section, so that the counts and the position fit together.
    state.subscriber_count = listener_->SubscriberCount(channel);
    state.member_count = MemberCount(channel);
    state.position = history_.Peek(channel);
  });
  return state;
}

void MemoryEngine::Describe(absl::string_view channel,
                            Done<ChannelState> done) {
  done(StateOf(channel));
}

void MemoryEngine::ListMembers(absl::string_view channel,
                               absl::string_view after, const PageSize& size,
                               Done<MembersPage> done) {
  MembersPage page;
  {
    MutexLock lock(&mu_);
    const auto it = presence_.find(channel);
    if (it != presence_.end()) page = it->second.MembersAfter(after, size);
  }
  done(std::move(page));
}

void MemoryEngine::ListChannels(absl::string_view prefix,
                                absl::string_view after, size_t count_max,
                                Done<ChannelsPage> done) {
  // A heap of the `count_max` + 1 smallest names after `after`. The last one
  // only shows that there are more.
  std::vector<std::string> names;
  listener_->ForEachChannel([&](absl::string_view name) {
    if (name <= after || !absl::StartsWith(name, prefix)) return;
    if (names.size() == count_max + 1) {
      if (name >= names.front()) return;
      std::pop_heap(names.begin(), names.end());
      names.pop_back();
    }
    names.emplace_back(name);
    std::push_heap(names.begin(), names.end());
  });
  std::sort_heap(names.begin(), names.end());
  ChannelsPage page;
  page.more = names.size() > count_max;
  if (page.more) names.pop_back();
  for (const std::string& name : names) page.channels.push_back(StateOf(name));
  done(std::move(page));
}

void MemoryEngine::Sum(Done<Totals> done) {
  done(Totals{listener_->channel_count(), listener_->subscription_count()});
}

void MemoryEngine::FindNode(uint64_t gateway, NodeDone done) {
  done(
      absl::NotFoundError(absl::StrCat("no other node has gateway ", gateway)));
}

void MemoryEngine::Record(Chunk item, RecordDone done) {
  if (recent_items_.Add(timers_->Now(), std::move(item))) {
    listener_->OnRecordEvicted();
  }
  done(absl::OkStatus());
}

EngineCounts MemoryEngine::Counts() const {
  EngineCounts counts;
  counts.histories = history_.channel_count();
  counts.history_bytes = history_.bytes();
  MutexLock lock(&mu_);
  counts.members = total_member_count_;
  return counts;
}

}  // namespace herald::core
