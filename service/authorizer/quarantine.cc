// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/quarantine.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace herald::authorizer {
namespace {

std::string SocketSource(const PendingQuestion& question) {
  return absl::StrCat("socket ", question.socket());
}

std::string AddressSource(const PendingQuestion& question) {
  return absl::StrCat("address ", question.address);
}

}  // namespace

void Quarantine::Add(const PendingQuestion& question, absl::Time now) {
  const bool is_new = !HasSocketOf(question, now);
  Add(SocketSource(question), now);
  if (is_new && !question.address.empty()) Add(AddressSource(question), now);
}

bool Quarantine::HasSocketOf(const PendingQuestion& question,
                             absl::Time now) const {
  return !IsEmpty(now) && CountOf(SocketSource(question), now) > 0;
}

bool Quarantine::WatchesAddressOf(const PendingQuestion& question,
                                  absl::Time now) const {
  return !IsEmpty(now) && CountOf(AddressSource(question), now) >= kSockets;
}

void Quarantine::Add(std::string source, absl::Time now) {
  while (!until_.empty() &&
         (until_.front().until <= now || until_.size() >= kSourcesMax)) {
    by_source_.erase(until_.front().source);
    until_.pop_front();
  }
  const int count = CountOf(source, now) + 1;
  const auto [it, is_new] = by_source_.try_emplace(source, until_.end());
  if (!is_new) until_.erase(it->second);
  until_.push_back({std::move(source), now + kPeriod, count});
  it->second = std::prev(until_.end());
}

int Quarantine::CountOf(const std::string& source, absl::Time now) const {
  const auto it = by_source_.find(source);
  const bool known = it != by_source_.end() && it->second->until > now;
  return known ? it->second->count : 0;
}

}  // namespace herald::authorizer
