// SPDX-License-Identifier: Apache-2.0

#include "service/engine/memory_engine.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "proto/contract/require.h"

namespace herald::core {

using contract::MutexLock;

namespace {

uint64_t RandomBits() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

MemoryEngine::MemoryEngine(const Timers* timers, MemoryEngineOptions options)
    : timers_(timers),
      history_(options.history_bytes_max,
               options.random ? std::move(options.random) : &RandomBits) {}

void MemoryEngine::Publish(std::shared_ptr<Publication> publication,
                           const PublishOptions& options, PublishDone done) {
  contract::Require(listener_ != nullptr);
  const absl::string_view key = options.idempotency_key;
  if (key.empty()) return done(Place(publication, options.history));
  // The channel is ours until we return, so a concurrent repeat comes after
  // Remember().
  const absl::Time now = timers_->Now();
  std::optional<IdempotencyCache::Answer> first =
      keys_.Find(publication->channel, key, now);
  if (first.has_value()) {
    return done(Receipt{std::move(first->position), first->subscribers, true});
  }
  Receipt receipt = Place(publication, options.history);
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

Engine::Receipt MemoryEngine::Place(
    const std::shared_ptr<Publication>& publication,
    const HistoryLimits& limits) {
  if (limits.size == 0) {
    return {Position(), listener_->OnPublication(publication), false};
  }
  const std::string& channel = publication->channel;
  const absl::Time now = timers_->Now();
  History::Place place = history_.Number(channel, limits, now);
  TellOfEvictions(place.given_up);
  if (place.begun) {
    listener_->OnHistoryBegan(channel, {place.position.epoch, 0});
  }
  publication->offset = place.position.offset;
  const int64_t subscribers = listener_->OnPublication(publication);
  TellOfEvictions(
      history_.Keep(channel, place.position, publication->LinkChunk(), now));
  return {std::move(place.position), subscribers, false};
}

Position MemoryEngine::PositionOf(absl::string_view channel,
                                  const HistoryLimits& limits) {
  History::Place place = history_.Find(channel, limits, timers_->Now());
  TellOfEvictions(place.given_up);
  if (place.begun) listener_->OnHistoryBegan(channel, place.position);
  return std::move(place.position);
}

void MemoryEngine::ChangeMembers(
    absl::string_view channel,
    absl::FunctionRef<Presence::Changes(Presence&)> change) {
  Presence::Changes changes;
  {
    MutexLock lock(&mu_);
    Presence& presence = presence_[channel];
    const int64_t before = presence.member_count();
    changes = change(presence);
    total_member_count_ += presence.member_count() - before;
    if (presence.empty()) presence_.erase(channel);
  }
  for (const v1::Member& member : changes.added) {
    listener_->OnMemberAdded(channel, member);
  }
  for (const std::string& user_id : changes.removed) {
    listener_->OnMemberRemoved(channel, user_id);
  }
  for (const auto& [user_id, grace] : changes.away) {
    listener_->OnMemberAway(channel, user_id, grace);
  }
}

void MemoryEngine::Join(absl::string_view channel, const v1::Member& member,
                        const SocketRef& socket) {
  ChangeMembers(channel, [&](Presence& presence) {
    Presence::Changes changes;
    if (presence.Join(member, socket)) changes.added.push_back(member);
    return changes;
  });
}

void MemoryEngine::Leave(absl::string_view channel, absl::string_view user_id,
                         const SocketRef& socket, absl::Duration grace) {
  ChangeMembers(channel, [&](Presence& presence) {
    return presence.Leave(user_id, socket, {timers_->Now(), grace});
  });
}

void MemoryEngine::Replace(absl::string_view channel, uint64_t gateway,
                           const std::vector<GatewayMember>& members,
                           absl::Duration grace) {
  ChangeMembers(channel, [&](Presence& presence) {
    return presence.Replace(gateway, members, {timers_->Now(), grace});
  });
}

void MemoryEngine::EndGrace(absl::string_view channel,
                            absl::string_view user_id) {
  ChangeMembers(channel, [&](Presence& presence) {
    return presence.EndGrace(user_id, timers_->Now());
  });
}

void MemoryEngine::RemoveMembers(absl::string_view channel) {
  ChangeMembers(channel, [](Presence& presence) { return presence.Clear(); });
}

std::vector<std::string> MemoryEngine::PresenceChannels() const {
  std::vector<std::string> channels;
  MutexLock lock(&mu_);
  for (const auto& [channel, presence] : presence_) {
    channels.push_back(channel);
  }
  return channels;
}

std::vector<std::string> MemoryEngine::ChannelsOf(uint64_t gateway) const {
  std::vector<std::string> channels;
  MutexLock lock(&mu_);
  for (const auto& [channel, presence] : presence_) {
    if (presence.Has(gateway)) channels.push_back(channel);
  }
  return channels;
}

std::vector<v1::PresentMember> MemoryEngine::Members(
    absl::string_view channel) const {
  MutexLock lock(&mu_);
  const auto it = presence_.find(channel);
  if (it == presence_.end()) return {};
  return it->second.Members();
}

MembersPage MemoryEngine::MembersAfter(absl::string_view channel,
                                       absl::string_view after,
                                       const PageSize& size) const {
  MutexLock lock(&mu_);
  const auto it = presence_.find(channel);
  if (it == presence_.end()) return {};
  return it->second.MembersAfter(after, size);
}

int64_t MemoryEngine::MemberCount(absl::string_view channel) const {
  MutexLock lock(&mu_);
  const auto it = presence_.find(channel);
  return it == presence_.end() ? 0 : it->second.member_count();
}

int64_t MemoryEngine::MemberBytesWith(absl::string_view channel,
                                      const v1::Member& member) const {
  MutexLock lock(&mu_);
  const auto it = presence_.find(channel);
  if (it == presence_.end()) return Presence::BytesOf(member);
  return it->second.BytesWith(member);
}

int64_t MemoryEngine::TotalMemberCount() const {
  MutexLock lock(&mu_);
  return total_member_count_;
}

}  // namespace herald::core
