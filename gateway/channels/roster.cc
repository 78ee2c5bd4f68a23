// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/roster.h"

#include <utility>

namespace herald::gateway {

bool Roster::Add(const v1::Member& member) {
  const auto [it, is_new] = users_.try_emplace(member.user_id());
  if (!is_new) return false;
  it->second = std::make_shared<const v1::Member>(member);
  snapshot_ = nullptr;
  return true;
}

bool Roster::Remove(absl::string_view user_id) {
  const auto it = users_.find(user_id);
  if (it == users_.end()) return false;
  users_.erase(it);
  snapshot_ = nullptr;
  return true;
}

Roster::Difference Roster::Replace(const link::v1::Roster& truth) {
  Difference difference;
  absl::btree_map<std::string, MemberPtr> next;
  for (const v1::Member& member : truth.members()) {
    const auto [it, is_new] = next.try_emplace(member.user_id());
    if (!is_new) continue;
    // A known member keeps the user_info that was announced first.
    const auto known = users_.find(member.user_id());
    if (known != users_.end()) {
      it->second = known->second;
      continue;
    }
    it->second = std::make_shared<const v1::Member>(member);
    difference.added.push_back(member);
  }
  for (const auto& [user_id, member] : users_) {
    if (!next.contains(user_id)) difference.removed.push_back(user_id);
  }
  users_ = std::move(next);
  snapshot_ = nullptr;
  return difference;
}

const MembersPtr& Roster::Snapshot() {
  if (snapshot_ != nullptr) return snapshot_;
  auto members = std::make_shared<Members>();
  members->all.reserve(users_.size());
  for (const auto& [user_id, member] : users_) {
    members->all.push_back(member);
    members->bytes +=
        kMemberFramingBytes +
        static_cast<int64_t>(user_id.size() + member->user_info().size());
  }
  snapshot_ = std::move(members);
  return snapshot_;
}

void OwnMembers::Add(const v1::Member& member, absl::string_view socket_id) {
  const auto [it, is_new] = users_.try_emplace(member.user_id());
  if (is_new) it->second.user_info = member.user_info();
  // A multiset, with one entry per subscription. A socket that cancels and
  // subscribes again has two for a moment, and with a set the end of the first
  // removed the member although the second lived.
  it->second.socket_ids.emplace(socket_id);
}

void OwnMembers::Remove(absl::string_view user_id,
                        absl::string_view socket_id) {
  const auto it = users_.find(user_id);
  if (it == users_.end()) return;
  absl::btree_multiset<std::string>& ids = it->second.socket_ids;
  const auto one = ids.find(socket_id);
  if (one != ids.end()) ids.erase(one);
  if (ids.empty()) users_.erase(it);
}

std::vector<link::v1::Held> OwnMembers::Parts(int64_t bytes_max) const {
  constexpr size_t kFraming = 16;  // Tags and lengths of a field, rounded up.
  std::vector<link::v1::Held> parts(1);
  int64_t bytes = 0;
  for (const auto& [user_id, user] : users_) {
    link::v1::HeldMember* member = nullptr;
    for (const std::string& socket_id : user.socket_ids) {
      if (bytes > bytes_max) {
        parts.emplace_back();
        bytes = 0;
        member = nullptr;
      }
      if (member == nullptr) {
        member = parts.back().add_members();
        member->mutable_member()->set_user_id(user_id);
        member->mutable_member()->set_user_info(user.user_info);
        bytes += static_cast<int64_t>(user_id.size() + user.user_info.size() +
                                      kFraming);
      }
      member->add_socket_ids(socket_id);
      bytes += static_cast<int64_t>(socket_id.size() + kFraming);
    }
  }
  return parts;
}

}  // namespace herald::gateway
