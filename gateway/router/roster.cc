// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/roster.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/json_text.h"

namespace herald::gateway {

bool Roster::Add(const v1::Member& member) {
  if (!users_.try_emplace(member.user_id(), member.user_info()).second) {
    return false;
  }
  json_ = nullptr;
  return true;
}

bool Roster::Remove(absl::string_view user_id) {
  const auto it = users_.find(user_id);
  if (it == users_.end()) return false;
  users_.erase(it);
  json_ = nullptr;
  return true;
}

Roster::Difference Roster::Replace(const link::v1::Roster& truth) {
  Difference difference;
  absl::btree_map<std::string, std::string> next;
  for (const v1::Member& member : truth.members()) {
    const auto known = users_.find(member.user_id());
    if (known == users_.end()) difference.added.push_back(member);
    // Whoever was told keeps what was told.
    next.try_emplace(member.user_id(), known == users_.end()
                                           ? member.user_info()
                                           : known->second);
  }
  for (const auto& [user_id, user_info] : users_) {
    if (!next.contains(user_id)) difference.removed.push_back(user_id);
  }
  users_ = std::move(next);
  json_ = nullptr;
  return difference;
}

const Roster::JsonPtr& Roster::Json() {
  if (json_ != nullptr) return json_;
  std::string json(1, '[');
  for (const auto& [user_id, user_info] : users_) {
    absl::StrAppend(&json, json.size() > 1 ? "," : "", "{\"user_id\":");
    contract::AppendJsonString(user_id, &json);
    absl::StrAppend(&json, ",\"user_info\":", contract::JsonOrNull(user_info),
                    "}");
  }
  json.push_back(']');
  json_ = std::make_shared<const std::string>(std::move(json));
  return json_;
}

void OwnMembers::Add(const v1::Member& member, absl::string_view socket_id) {
  const auto [it, is_new] = users_.try_emplace(member.user_id());
  if (is_new) it->second.user_info = member.user_info();
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
  constexpr size_t kFraming = 16;  // Of a field, tags and lengths; generously.
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
