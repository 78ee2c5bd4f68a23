// SPDX-License-Identifier: Apache-2.0

#include "service/core/memory_engine.h"

#include <algorithm>
#include <optional>

#include "proto/contract/require.h"

namespace herald::core {

using contract::MutexLock;

void MemoryEngine::Publish(PublicationPtr publication,
                           absl::string_view idempotency_key,
                           PublishDone done) {
  contract::Require(listener_ != nullptr);
  if (idempotency_key.empty()) {
    return done(Receipt{listener_->OnPublication(publication), false});
  }
  // The channel is ours until we return, so a concurrent repeat comes after
  // Remember().
  const absl::Time now = timers_->Now();
  const std::optional<int64_t> first =
      keys_.Find(publication->channel, idempotency_key, now);
  if (first.has_value()) return done(Receipt{*first, true});
  const int64_t subscribers = listener_->OnPublication(publication);
  if (keys_.Remember(publication->channel, idempotency_key, subscribers, now)) {
    listener_->OnKeyEvicted();
  }
  done(Receipt{subscribers, false});
}

void MemoryEngine::Join(absl::string_view channel, const v1::Member& member,
                        const SocketRef& socket) {
  bool first = false;
  {
    MutexLock lock(&mu_);
    first = presence_[channel].Join(member, socket);
    total_member_count_ += first;
  }
  if (first) listener_->OnMemberAdded(channel, member);
}

void MemoryEngine::Leave(absl::string_view channel, absl::string_view user_id,
                         const SocketRef& socket) {
  {
    MutexLock lock(&mu_);
    const auto it = presence_.find(channel);
    if (it == presence_.end()) return;
    if (!it->second.Leave(user_id, socket)) return;
    --total_member_count_;
    if (it->second.empty()) presence_.erase(it);
  }
  listener_->OnMemberRemoved(channel, user_id);
}

void MemoryEngine::Replace(absl::string_view channel, uint64_t gateway,
                           const std::vector<GatewayMember>& members) {
  Presence::Changes changes;
  {
    MutexLock lock(&mu_);
    Presence& presence = presence_[channel];
    const int64_t before = presence.member_count();
    changes = presence.Replace(gateway, members);
    total_member_count_ += presence.member_count() - before;
    if (presence.empty()) presence_.erase(channel);
  }
  for (const v1::Member& member : changes.added) {
    listener_->OnMemberAdded(channel, member);
  }
  for (const std::string& user_id : changes.removed) {
    listener_->OnMemberRemoved(channel, user_id);
  }
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
