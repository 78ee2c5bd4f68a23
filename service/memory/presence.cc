// SPDX-License-Identifier: Apache-2.0

#include "service/memory/presence.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "service/channel/encoding.h"

namespace herald::core {
namespace {

int64_t BytesOf(const v1::Member& member) {
  return static_cast<int64_t>(member.user_id().size() +
                              member.user_info().size());
}

// Ids are below 2^63.
void EraseOf(uint64_t gateway, absl::btree_multiset<SocketRef>* sockets) {
  sockets->erase(sockets->lower_bound({gateway, ""}),
                 sockets->lower_bound({gateway + 1, ""}));
}

}  // namespace

int64_t Presence::BytesWith(const v1::Member& member) const {
  return users_.contains(member.user_id()) ? bytes_ : bytes_ + BytesOf(member);
}

int64_t Presence::BytesWith(const std::vector<GatewayMember>& members) const {
  int64_t bytes = bytes_;
  for (const GatewayMember& one : members) {
    bytes += BytesWith(one.member) - bytes_;
  }
  return bytes;
}

Presence::User& Presence::Obtain(const v1::Member& member) {
  const auto [it, is_new] = users_.try_emplace(member.user_id());
  if (is_new) {
    it->second.user_info = member.user_info();
    bytes_ += BytesOf(member);
  }
  return it->second;
}

Presence::Users::iterator Presence::Remove(Users::iterator user, absl::Time now,
                                           Changes* changes) {
  changes->removed.push_back(user->first);
  departures_->Take(channel_, user->first, now);
  bytes_ -=
      static_cast<int64_t>(user->first.size() + user->second.user_info.size());
  return users_.erase(user);
}

Presence::Users::iterator Presence::SendAway(Users::iterator user,
                                             const Grace& grace,
                                             Changes* changes) {
  // The token is taken by Remove(): a return in time costs none. So it is there
  // at the end of the grace, however often the user joins and leaves meanwhile.
  const absl::Time ready = departures_->ReadyAt(channel_, user->first);
  const absl::Time end = std::max(grace.now + grace.time, ready);
  if (end <= grace.now) return Remove(user, grace.now, changes);
  if (ready > grace.now + grace.time) ++changes->delayed;
  User& away = user->second;
  away.grace_end = end;
  // One call is enough, no matter how often the user joins and leaves
  // meanwhile.
  if (away.grace_end < away.awaited) {
    away.awaited = away.grace_end;
    changes->away.emplace_back(user->first, end - grace.now);
  }
  return ++user;
}

void Presence::Count(uint64_t gateway, int64_t delta) {
  if (delta == 0) return;
  const auto [it, is_new] = by_gateway_.try_emplace(gateway, 0);
  it->second += delta;
  if (is_new) gateways_->Add(gateway, &channel_);
  if (it->second == 0) Forget(gateway);
}

void Presence::Forget(uint64_t gateway) {
  by_gateway_.erase(gateway);
  gateways_->Remove(gateway, &channel_);
}

bool Presence::Join(const v1::Member& member, const SocketRef& socket) {
  const size_t before = users_.size();
  Count(socket.gateway, 1);
  Obtain(member).sockets.insert(socket);
  return users_.size() > before;
}

Presence::Changes Presence::Leave(absl::string_view user_id,
                                  const SocketRef& socket, const Grace& grace) {
  Changes changes;
  const auto it = users_.find(user_id);
  if (it == users_.end()) return changes;
  absl::btree_multiset<SocketRef>& sockets = it->second.sockets;
  const auto one = sockets.find(socket);
  if (one == sockets.end()) return changes;
  sockets.erase(one);
  Count(socket.gateway, -1);
  if (sockets.empty()) SendAway(it, grace, &changes);
  return changes;
}

Presence::Changes Presence::Replace(uint64_t gateway,
                                    const std::vector<GatewayMember>& members,
                                    const Grace& grace) {
  Changes changes;
  if (!Has(gateway) && members.empty()) return changes;
  // The old sockets are removed first, but users without one only after the new
  // sockets were added: a user in both sets must not leave and join.
  absl::flat_hash_set<std::string> left;
  for (auto& [user_id, user] : users_) {
    auto& sockets = user.sockets;
    const size_t before = sockets.size();
    EraseOf(gateway, &sockets);
    if (sockets.empty() && before > 0) left.insert(user_id);
  }
  Forget(gateway);
  for (const GatewayMember& held : members) {
    if (held.socket_ids.empty()) continue;
    const size_t before = users_.size();
    User& user = Obtain(held.member);
    if (users_.size() > before) changes.added.push_back(held.member);
    for (const std::string& socket_id : held.socket_ids) {
      user.sockets.insert({gateway, socket_id});
    }
    Count(gateway, static_cast<int64_t>(held.socket_ids.size()));
  }
  for (auto it = users_.begin(); it != users_.end();) {
    if (it->second.sockets.empty() && left.contains(it->first)) {
      it = SendAway(it, grace, &changes);
    } else {
      ++it;
    }
  }
  return changes;
}

Presence::Changes Presence::EndGrace(absl::string_view user_id,
                                     absl::Time now) {
  Changes changes;
  const auto it = users_.find(user_id);
  if (it == users_.end()) return changes;
  User& user = it->second;
  const bool is_last = user.awaited <= now;
  if (is_last) user.awaited = absl::InfiniteFuture();
  if (!user.sockets.empty()) return changes;
  if (user.grace_end <= now) {
    Remove(it, now, &changes);
  } else if (is_last) {
    // The user has returned and left again: its newer grace still runs.
    SendAway(it, {now, user.grace_end - now}, &changes);
  }
  return changes;
}

Presence::Changes Presence::Clear() {
  Changes changes;
  for (const auto& [user_id, user] : users_) {
    changes.removed.push_back(user_id);
  }
  users_.clear();
  for (const auto& [gateway, count] : by_gateway_) {
    gateways_->Remove(gateway, &channel_);
  }
  by_gateway_.clear();
  bytes_ = 0;
  return changes;
}

v1::PresentMember Presence::PresentMemberOf(const Users::value_type& entry) {
  v1::PresentMember member;
  member.set_user_id(entry.first);
  member.set_user_info(entry.second.user_info);
  absl::flat_hash_set<absl::string_view> known;
  for (const SocketRef& socket : entry.second.sockets) {
    if (!known.insert(socket.socket_id).second) continue;
    member.add_socket_ids(socket.socket_id);
  }
  return member;
}

std::vector<v1::PresentMember> Presence::Members() const {
  std::vector<v1::PresentMember> members;
  members.reserve(users_.size());
  for (const auto& entry : users_) members.push_back(PresentMemberOf(entry));
  return members;
}

MembersPage Presence::MembersAfter(absl::string_view after,
                                   const PageSize& size) const {
  MembersPage page;
  int64_t bytes = 0;
  for (auto it = users_.upper_bound(after); it != users_.end(); ++it) {
    v1::PresentMember member = PresentMemberOf(*it);
    bytes += static_cast<int64_t>(member.ByteSizeLong()) + kFieldBytesMax;
    const auto count = static_cast<int64_t>(page.members.size());
    page.more =
        count > 0 && (count >= size.count_max || bytes > size.bytes_max);
    if (page.more) break;
    page.members.push_back(std::move(member));
  }
  return page;
}

}  // namespace herald::core
