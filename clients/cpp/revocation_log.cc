// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/revocation_log.h"

#include <utility>

#include "proto/contract/require.h"

namespace herald::client {
namespace {

bool Names(const v1::Revocation& revocation, absl::string_view socket_id,
           absl::string_view channel, absl::string_view user_id) {
  if (!revocation.channel().empty() && revocation.channel() != channel) {
    return false;
  }
  if (revocation.has_socket_id()) return revocation.socket_id() == socket_id;
  return !user_id.empty() && revocation.user_id() == user_id;
}

}  // namespace

RevocationLog::RevocationLog(Clock::duration memory, size_t entries_max)
    : memory_(memory), entries_max_(entries_max) {
  contract::Require(memory > Clock::duration::zero() && entries_max > 0);
}

void RevocationLog::Append(v1::Revocation revocation, Clock::time_point now) {
  auto response = std::make_shared<v1::AuthorizeResponse>();
  *response->mutable_revocation() = std::move(revocation);
  contract::MutexLock lock(&mutex_);
  entries_.push_back({now, std::move(response)});
  Forget(now);
}

RevocationLog::Cursor RevocationLog::Begin(Clock::time_point now) {
  contract::MutexLock lock(&mutex_);
  Forget(now);
  return begin_;
}

RevocationLog::Cursor RevocationLog::End() const {
  contract::MutexLock lock(&mutex_);
  return begin_ + entries_.size();
}

RevocationLog::Entry RevocationLog::Read(Cursor position) const {
  contract::MutexLock lock(&mutex_);
  if (position < begin_) return {.forgotten = true};
  if (position - begin_ >= entries_.size()) return {};
  return {.response = entries_[position - begin_].response};
}

std::optional<std::string> RevocationLog::Find(
    Cursor since, absl::string_view socket_id, absl::string_view channel,
    absl::string_view user_id) const {
  contract::MutexLock lock(&mutex_);
  if (since < begin_) return "the decision took too long";
  for (size_t i = since - begin_; i < entries_.size(); ++i) {
    const v1::Revocation& revocation = entries_[i].response->revocation();
    if (Names(revocation, socket_id, channel, user_id)) {
      return revocation.reason();
    }
  }
  return std::nullopt;
}

void RevocationLog::Forget(Clock::time_point now) {
  while (!entries_.empty() && (entries_.size() > entries_max_ ||
                               now - entries_.front().at > memory_)) {
    entries_.pop_front();
    ++begin_;
  }
}

}  // namespace herald::client
