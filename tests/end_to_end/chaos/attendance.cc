// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/attendance.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

using contract::MutexLock;

// A client may notice so late that it has lost its connection.
constexpr Milliseconds kNoticeMax(1'500);

// A listener may learn so late of a change in the service: a frozen link is
// ended after 13 s, and three processes may be stopped for 3 s.
constexpr Milliseconds kNewsMax(22'000);

}  // namespace

int64_t Attendance::Doubts(size_t gateway) const {
  MutexLock lock(&mu_);
  const auto it = doubts_.find(gateway);
  return doubts_of_all_ + (it == doubts_.end() ? 0 : it->second);
}

void Attendance::Doubt(size_t gateway, Time now) {
  MutexLock lock(&mu_);
  ++doubts_[gateway];
  for (auto& [who, user] : users_) {
    const bool was_there = !user.sockets.empty();
    std::erase_if(user.sockets,
                  [&](const auto& socket) { return socket.second == gateway; });
    if (was_there && user.sockets.empty()) user.left = now;
  }
}

void Attendance::DoubtAll(Time now) {
  MutexLock lock(&mu_);
  ++doubts_of_all_;
  for (auto& [who, user] : users_) {
    user.sockets.clear();
    user.left = now - grace_;
  }
}

void Attendance::Arrive(const Key& who, const std::string& socket,
                        size_t gateway, int64_t doubts, Time now) {
  if (doubts != Doubts(gateway)) return;
  MutexLock lock(&mu_);
  User& user = users_[who];
  if (user.sockets.empty() && WasAwayFor(user, now)) user.steady = now;
  user.sockets[socket] = gateway;
}

void Attendance::Leave(const Key& who, const std::string& socket, Time now) {
  MutexLock lock(&mu_);
  User& user = users_[who];
  if (user.sockets.erase(socket) > 0 && user.sockets.empty()) user.left = now;
}

void Attendance::CheckNews(const Channel& channel, const Frame& frame,
                           const std::string& listener, Time now) const {
  const bool is_roster = frame.kind == Frame::Kind::kSubscribed;
  if (channel.grace == Milliseconds(0)) return;
  if (!is_roster && frame.kind != Frame::Kind::kMemberRemoved) return;
  std::vector<std::string> missing;
  if (is_roster) {
    MutexLock lock(&mu_);
    for (const auto& [who, user] : users_) {
      if (who.first != channel.name) continue;
      if (std::find(frame.users.begin(), frame.users.end(), who.second) ==
          frame.users.end()) {
        missing.push_back(who.second);
      }
    }
  } else {
    missing = frame.users;
  }
  for (const std::string& user : missing) {
    if (!MustBePresent({channel.name, user}, now)) continue;
    throw Failure(
        listener, channel.name,
        absl::StrCat(listener, " on ", channel.name, " was notified that ",
                     user, " is not there, who was not away for ",
                     grace_.count(), " ms"));
  }
}

bool Attendance::MustBePresent(const Key& who, Time now) const {
  MutexLock lock(&mu_);
  const auto it = users_.find(who);
  if (it == users_.end()) return false;
  const User& user = it->second;
  if (user.sockets.empty() && WasAwayFor(user, now)) return false;
  return now - user.steady >= kNewsMax;
}

// Whether it may have been away for the grace. REQUIRES: it is not there.
bool Attendance::WasAwayFor(const User& user, Time now) const {
  return !user.left.has_value() || now - *user.left >= grace_ - kNoticeMax;
}

}  // namespace herald::chaos
