// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

using contract::MutexLock;

template <typename... Parts>
[[noreturn]] void FailOf(const Listener& listener, const Parts&... parts) {
  throw Failure(
      listener.name, listener.channel,
      absl::StrCat(listener.name, " on ", listener.channel, ": ", parts...));
}

template <typename... Parts>
[[noreturn]] void FailOf(const std::string& who, const std::string& channel,
                         const Parts&... parts) {
  throw Failure(who, channel, absl::StrCat(who, ", ", channel, ": ", parts...));
}

}  // namespace

void Ledger::Publish(MessageId id, std::vector<std::string> channels,
                     std::string except) {
  MutexLock lock(&mu_);
  Message& message = messages_[id];
  message.channels = std::move(channels);
  message.except = std::move(except);
}

void Ledger::BeginAttempt(MessageId id, int64_t life) {
  MutexLock lock(&mu_);
  Message& message = messages_.at(id);
  if (message.attempts++ == 0) {
    message.first_life = life;
    message.begin = ++now_;
  }
  message.last_life = std::max(message.last_life, life);
}

void Ledger::EndAttempt(MessageId id, int64_t life) {
  MutexLock lock(&mu_);
  Message& message = messages_.at(id);
  message.last_life = std::max(message.last_life, life);
}

void Ledger::Acknowledge(MessageId id, const Channel& channel,
                         const std::optional<Position>& where) {
  const std::string who = absl::StrCat("publisher ", id.publisher);
  MutexLock lock(&mu_);
  Message& message = Known(who, channel.name, id);
  if (channel.rules_change) {
    if (!where.has_value()) {
      plain_.push_back({channel.name, id, ++now_});
      message.plain.push_back(channel.name);
    }
  } else if (where.has_value() != channel.keeps_history()) {
    FailOf(who, channel.name, "the receipt of ", ToString(id), " has ",
           where.has_value() ? "an epoch" : "no epoch", ", and the channel ",
           channel.keeps_history() ? "a history" : "none");
  }
  if (where.has_value()) PutAt(who, channel.name, *where, id);
}

void Ledger::Receive(const Listener& listener, MessageId id,
                     const std::optional<Position>& where) {
  MutexLock lock(&mu_);
  ++hearing_count_;
  const Message& message = Known(listener.name, listener.channel, id);
  if (!message.except.empty() && message.except == listener.socket_id) {
    FailOf(listener, ToString(id), " excepted its socket");
  }
  if (where.has_value()) PutAt(listener.name, listener.channel, *where, id);
}

void Ledger::Witness(const std::string& who, const std::string& channel,
                     const Position& where, MessageId id) {
  MutexLock lock(&mu_);
  Known(who, channel, id);
  PutAt(who, channel, where, id);
}

Ledger::Message& Ledger::Known(const std::string& who,
                               const std::string& channel, MessageId id) {
  const auto it = messages_.find(id);
  if (it == messages_.end()) {
    FailOf(who, channel, ToString(id), " was never published");
  }
  const std::vector<std::string>& channels = it->second.channels;
  if (std::find(channels.begin(), channels.end(), channel) == channels.end()) {
    FailOf(who, channel, ToString(id), " was published to ",
           absl::StrJoin(channels, ", "));
  }
  return it->second;
}

void Ledger::PutAt(const std::string& who, const std::string& channel,
                   const Position& where, MessageId id) {
  const auto [it, is_new] = truth_[channel][where.epoch].try_emplace(
      where.offset, Entry{id, who, ++now_});
  if (!is_new) {
    if (it->second.id == id) return;
    FailOf(who, channel, ToString(where), " is ", ToString(id), ", and ",
           ToString(it->second.id), " for ", it->second.witness);
  }
  Message& message = messages_.at(id);
  for (const Place& place : message.places) {
    if (place.channel != channel) continue;
    if (place.where.epoch == where.epoch || message.attempts < 2) {
      FailOf(who, channel, ToString(id), " is at ", ToString(place.where),
             " and again at ", ToString(where), ", after ", message.attempts,
             " attempts");
    }
  }
  message.places.push_back({channel, where});
}

const Ledger::Entry* Ledger::Find(const std::string& channel,
                                  const std::string& epoch,
                                  int64_t offset) const {
  const auto epochs = truth_.find(channel);
  if (epochs == truth_.end()) return nullptr;
  const auto entries = epochs->second.find(epoch);
  if (entries == epochs->second.end()) return nullptr;
  const auto entry = entries->second.find(offset);
  return entry == entries->second.end() ? nullptr : &entry->second;
}

std::optional<MessageId> Ledger::At(const std::string& channel,
                                    const Position& where) const {
  MutexLock lock(&mu_);
  const Entry* const entry = Find(channel, where.epoch, where.offset);
  if (entry == nullptr) return std::nullopt;
  return entry->id;
}

bool Ledger::SpansLives(const Message& message) const {
  return message.attempts > 1 && message.last_life > message.first_life;
}

bool Ledger::MayCountTwice(MessageId id) const {
  MutexLock lock(&mu_);
  const auto it = messages_.find(id);
  return it != messages_.end() && SpansLives(it->second);
}

void Ledger::Miss(const Listener& listener, const std::string& epoch,
                  int64_t first, int64_t last) {
  MutexLock lock(&mu_);
  for (int64_t offset = first; offset <= last; ++offset) {
    JudgeMissed(listener, epoch, offset, false);
  }
  doubts_.push_back({listener, epoch, first, last});
}

void Ledger::JudgeMissed(const Listener& listener, const std::string& epoch,
                         int64_t offset, bool at_end) const {
  const Entry* const entry = Find(listener.channel, epoch, offset);
  if (entry == nullptr) {
    // No other listener received the message that this one misses: when the
    // service ended, its publisher's answer may have been lost, too.
    if (at_end && !AnyLost(listener)) {
      FailOf(listener, "lost ", ToString(Position{epoch, offset}),
             ", which is unknown");
    }
    return;
  }
  if (messages_.at(entry->id).except == listener.socket_id &&
      !listener.socket_id.empty()) {
    return;
  }
  FailOf(listener, "lost ", ToString(Position{epoch, offset}), ", which is ",
         ToString(entry->id), " for ", entry->witness);
}

// Whether a message that excepted this listener may be in a place that is
// unknown.
bool Ledger::AnyLost(const Listener& listener) const {
  if (listener.socket_id.empty()) return false;
  return std::any_of(messages_.begin(), messages_.end(), [&](const auto& one) {
    return one.second.except == listener.socket_id && SpansLives(one.second);
  });
}

void Ledger::MoveOn(const Listener& listener, const Position& from,
                    const Position& to) {
  MutexLock lock(&mu_);
  moves_.push_back({listener, from, to});
}

void Ledger::ReceiveAgain(const Listener& listener, MessageId id) {
  MutexLock lock(&mu_);
  const Message& message = messages_.at(id);
  if (message.attempts < 2) {
    FailOf(listener, "received ", ToString(id),
           " twice on one connection, after ", message.attempts, " attempt");
  }
  repeats_.push_back({listener, id});
}

void Ledger::ReceiveLate(const Listener& listener, MessageId id) {
  MutexLock lock(&mu_);
  if (messages_.at(id).attempts > 1) return;
  FailOf(listener, "received ", ToString(id),
         " after a later one of publisher ", id.publisher);
}

void Ledger::Judge() const {
  MutexLock lock(&mu_);
  JudgePlaces();
  JudgeOrder();
  for (const Doubt& doubt : doubts_) {
    for (int64_t offset = doubt.first; offset <= doubt.last; ++offset) {
      JudgeMissed(doubt.listener, doubt.epoch, offset, true);
    }
  }
  for (const Move& move : moves_) JudgeMove(move);
  for (const Plain& plain : plain_) JudgePlain(plain);
  for (const Repeat& repeat : repeats_) {
    if (SpansLives(messages_.at(repeat.id))) continue;
    FailOf(repeat.listener, "received ", ToString(repeat.id),
           " twice on one connection, and the service was not killed");
  }
}

void Ledger::JudgePlaces() const {
  for (const auto& [id, message] : messages_) {
    for (const std::string& channel : message.channels) {
      std::vector<std::string> where;
      for (const Place& place : message.places) {
        if (place.channel == channel) where.push_back(ToString(place.where));
      }
      for (const std::string& plain : message.plain) {
        if (plain == channel && where.size() > 0) where.push_back("no place");
      }
      if (where.size() < 2 || SpansLives(message)) continue;
      FailOf(absl::StrCat("publisher ", id.publisher), channel, ToString(id),
             " is at ", absl::StrJoin(where, " and "),
             ", and the service was not killed");
    }
  }
}

// A publisher's messages are in the order of their numbers, except for those
// that were refused and sent again.
void Ledger::JudgeOrder() const {
  for (const auto& [channel, epochs] : truth_) {
    for (const auto& [epoch, entries] : epochs) {
      std::map<int64_t, int64_t> last;  // The number, by publisher.
      for (const auto& [offset, entry] : entries) {
        int64_t& number = last[entry.id.publisher];
        if (entry.id.number > number) {
          number = entry.id.number;
        } else if (messages_.at(entry.id).attempts < 2) {
          FailOf(entry.witness, channel, ToString(entry.id), " at ",
                 ToString(Position{epoch, offset}), " comes after number ",
                 number);
        }
      }
    }
  }
}

// A history ends when it is switched off. One that went on behind a message
// that it has not numbered would let listeners believe that there was none.
void Ledger::JudgePlain(const Plain& plain) const {
  const auto epochs = truth_.find(plain.channel);
  if (epochs == truth_.end()) return;
  const int64_t begin = messages_.at(plain.id).begin;
  for (const auto& [epoch, entries] : epochs->second) {
    const Entry* before = nullptr;
    for (const auto& [offset, entry] : entries) {
      if (entry.known < begin) before = &entry;
      if (before == nullptr || messages_.at(entry.id).begin < plain.known) {
        continue;
      }
      FailOf(absl::StrCat("publisher ", plain.id.publisher), plain.channel,
             ToString(plain.id), " has no place, and the history went on from ",
             ToString(before->id), " to ", ToString(entry.id), " at ",
             ToString(Position{epoch, offset}));
    }
  }
}

void Ledger::JudgeMove(const Move& move) const {
  const auto epochs = truth_.find(move.listener.channel);
  if (epochs == truth_.end()) return;
  const auto missed = [&](const std::string& epoch, int64_t first,
                          int64_t last) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto entries = epochs->second.find(epoch);
    if (entries == epochs->second.end()) return;
    for (auto it = entries->second.lower_bound(first);
         it != entries->second.end() && it->first <= last; ++it) {
      JudgeMissed(move.listener, epoch, it->first, true);
    }
  };
  missed(move.from.epoch, move.from.offset + 1, INT64_MAX);
  missed(move.to.epoch, 1, move.to.offset);
}

void Ledger::CheckComplete(const std::string& channel,
                           const Position& end) const {
  MutexLock lock(&mu_);
  for (int64_t offset = 1; offset <= end.offset; ++offset) {
    if (Find(channel, end.epoch, offset) != nullptr) continue;
    Fail(channel, ": no message is known at ",
         ToString(Position{end.epoch, offset}), " of ", ToString(end));
  }
  if (const Entry* const entry = Find(channel, end.epoch, end.offset + 1)) {
    Fail(channel, ": ends at ", ToString(end), ", but ", entry->witness,
         " knows ", ToString(entry->id), " behind that");
  }
}

void Ledger::CheckEpochs(const std::string& channel, int64_t lives) const {
  MutexLock lock(&mu_);
  const auto epochs = truth_.find(channel);
  if (epochs == truth_.end()) return;
  if (static_cast<int64_t>(epochs->second.size()) <= lives) return;
  Fail(channel, ": ", epochs->second.size(), " epochs in ", lives,
       " lives of the service");
}

int64_t Ledger::message_count() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(messages_.size());
}

int64_t Ledger::hearing_count() const {
  MutexLock lock(&mu_);
  return hearing_count_;
}

}  // namespace herald::chaos
