// SPDX-License-Identifier: Apache-2.0

#include "service/questions/quarantine.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace herald::authorizer {
namespace {

// Breaks that left a question unanswered and that an answer clears.
constexpr int kForgiven = 1;

std::string SocketSource(const PendingQuestion& question) {
  return absl::StrCat("socket ", question.socket());
}

std::string AddressSource(const PendingQuestion& question) {
  return absl::StrCat("address ", question.address);
}

}  // namespace

void Quarantine::Add(const PendingQuestion& question, absl::Time now) {
  const bool is_new = Renew(SocketSource(question), now).poisons++ == 0;
  if (is_new && !question.address.empty()) {
    ++Renew(AddressSource(question), now).poisons;
  }
}

void Quarantine::Suspect(const PendingQuestion& question, absl::Time now) {
  Renew(SocketSource(question), now).suspect = true;
}

void Quarantine::OnUnanswered(const PendingQuestion& question, absl::Time now) {
  Entry& socket = Renew(SocketSource(question), now);
  socket.suspect = true;
  socket.excused |= question.excused;
  const bool is_first =
      CountBreak(socket, question.struck) && socket.breaks == 1;
  // A lost connection is most often a restart, which suspects all clients of a
  // proxy. And if one input ends the process, lanes protect no stream from it.
  if (is_first && question.connection_stood && !question.address.empty()) {
    CountBreak(Renew(AddressSource(question), now), question.struck);
  }
}

void Quarantine::OnAnswered(const PendingQuestion& question) {
  const auto it = by_source_.find(SocketSource(question));
  if (it == by_source_.end()) return;
  Entry& socket = *it->second;
  if (socket.breaks > kForgiven) return;
  socket.suspect = false;
  socket.excused = false;
  if (socket.poisons > 0 || socket.breaks > 0) return;
  until_.erase(it->second);
  by_source_.erase(it);
}

bool Quarantine::HasSocketOf(const PendingQuestion& question,
                             absl::Time now) const {
  if (IsEmpty(now)) return false;
  const Entry* const socket = Find(SocketSource(question), now);
  return socket != nullptr && (socket->suspect || socket->poisons > 0);
}

bool Quarantine::HasExcused(const PendingQuestion& question,
                            absl::Time now) const {
  if (IsEmpty(now)) return false;
  const Entry* const socket = Find(SocketSource(question), now);
  return socket != nullptr && socket->excused;
}

bool Quarantine::WatchesAddressOf(const PendingQuestion& question,
                                  absl::Time now) const {
  if (IsEmpty(now)) return false;
  const Entry* const address = Find(AddressSource(question), now);
  return address != nullptr &&
         (address->poisons >= kSockets || address->breaks >= kSockets);
}

Quarantine::Entry& Quarantine::Renew(std::string source, absl::Time now) {
  while (!until_.empty() && until_.front().until <= now) DropFirst();
  const auto [it, is_new] = by_source_.try_emplace(source, until_.end());
  if (is_new) {
    until_.emplace_back().source = std::move(source);
    it->second = std::prev(until_.end());
  } else {
    until_.splice(until_.end(), until_, it->second);
  }
  if (until_.size() > kSourcesMax) DropFirst();
  until_.back().until = now + kPeriod;
  return until_.back();
}

void Quarantine::DropFirst() {
  by_source_.erase(until_.front().source);
  until_.pop_front();
}

const Quarantine::Entry* Quarantine::Find(const std::string& source,
                                          absl::Time now) const {
  const auto it = by_source_.find(source);
  const bool known = it != by_source_.end() && it->second->until > now;
  return known ? &*it->second : nullptr;
}

bool Quarantine::CountBreak(Entry& entry, absl::Time when) {
  if (when <= entry.last_break + kSameBreak) return false;
  entry.last_break = when;
  ++entry.breaks;
  return true;
}

}  // namespace herald::authorizer
