// SPDX-License-Identifier: Apache-2.0

#include "service/questions/source_queue.h"

#include <iterator>

namespace herald::authorizer {
namespace {

// Keeps `heavy` to those with `least` or more.
template <typename Set, typename T>
void Reorder(Set& heavy, T* item, size_t before, size_t now, size_t least) {
  if (before >= least) heavy.erase({before, item});
  if (now >= least) heavy.insert({now, item});
}

}  // namespace

void SourceQueue::Count(AddressQueue& address, SocketQueue& socket,
                        int change) {
  const size_t mine = socket.questions.size();  // As it is now.
  const size_t before = address.size;
  address.size += static_cast<size_t>(change);
  size_ += static_cast<size_t>(change);
  Reorder(heavy_, &address, before, address.size, kHeavy);
  Reorder(address.heavy, &socket, mine - static_cast<size_t>(change), mine,
          kHeavy);
}

SourceQueue::AddressQueue& SourceQueue::AddressOf(const std::string& key) {
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) return *known->second;
  AddressQueue& address = addresses_.emplace_back();
  address.key = key;
  by_key_.emplace(address.key, std::prev(addresses_.end()));
  return address;
}

SourceQueue::SocketQueue& SourceQueue::SocketOf(AddressQueue& address,
                                                const std::string& id) {
  const auto known = address.sockets.find(id);
  if (known != address.sockets.end()) return *known->second;
  SocketQueue& socket = address.turns.emplace_back();
  socket.id = id;
  address.sockets.emplace(socket.id, std::prev(address.turns.end()));
  return socket;
}

void SourceQueue::Push(QuestionPtr question, bool first) {
  AddressQueue& address = AddressOf(question->address);
  SocketQueue& socket = SocketOf(address, question->socket());
  // The front of its socket, not of the turns: a question that is enqueued
  // again keeps its order and passes no other client.
  if (first) {
    socket.questions.push_front(std::move(question));
  } else {
    socket.questions.push_back(std::move(question));
  }
  Count(address, socket, 1);
}

const PendingQuestion& SourceQueue::front() const {
  return *addresses_.front().turns.front().questions.front();
}

QuestionPtr SourceQueue::Take(AddressQueues::iterator address,
                              SocketQueues::iterator socket, bool first) {
  auto& questions = socket->questions;
  QuestionPtr question =
      std::move(first ? questions.front() : questions.back());
  if (first) {
    questions.pop_front();
  } else {
    questions.pop_back();
  }
  Count(*address, *socket, -1);
  DropIfEmpty(address, socket);
  return question;
}

void SourceQueue::DropIfEmpty(AddressQueues::iterator address,
                              SocketQueues::iterator socket) {
  if (!socket->questions.empty()) return;
  address->sockets.erase(socket->id);
  address->turns.erase(socket);
  if (!address->turns.empty()) return;
  by_key_.erase(address->key);
  addresses_.erase(address);
}

QuestionPtr SourceQueue::TakeTurn(AddressQueues::iterator address) {
  const auto socket = address->turns.begin();
  // To the end of the turns first, for taking may remove them.
  address->turns.splice(address->turns.end(), address->turns, socket);
  addresses_.splice(addresses_.end(), addresses_, address);
  return Take(address, socket, /*first=*/true);
}

QuestionPtr SourceQueue::Pop() { return TakeTurn(addresses_.begin()); }

QuestionPtr SourceQueue::PopOf(
    absl::FunctionRef<bool(const PendingQuestion& next)> may, int looks) {
  for (auto it = addresses_.begin(); it != addresses_.end(); ++it) {
    if (may(*it->turns.front().questions.front())) return TakeTurn(it);
    if (--looks == 0) break;
  }
  return nullptr;
}

void SourceQueue::ParkFront(absl::Time until) {
  const auto address = addresses_.begin();
  const auto socket = address->turns.begin();
  // Counted first: taking the last question removes the socket.
  for (size_t left = socket->questions.size(); left > 0; --left) {
    parked_.emplace(until, Take(address, socket, /*first=*/true));
    ++size_;
  }
}

void SourceQueue::Unpark(absl::Time now) {
  while (!parked_.empty() && parked_.begin()->first <= now) {
    QuestionPtr question = std::move(parked_.begin()->second);
    parked_.erase(parked_.begin());
    --size_;
    PushBack(std::move(question));
  }
}

absl::Time SourceQueue::next_unpark() const {
  return parked_.empty() ? absl::InfiniteFuture() : parked_.begin()->first;
}

QuestionPtr SourceQueue::TakeLastOfHeaviest(AddressQueue& address) {
  const auto socket =
      address.heavy.empty()
          ? std::prev(address.turns.end())
          : address.sockets.at(std::prev(address.heavy.end())->second->id);
  return Take(by_key_.at(address.key), socket, /*first=*/false);
}

// Parked questions give way first: their sockets were denied again and again.
// The one with the longest pause left is refused.
QuestionPtr SourceQueue::TakeLastParked() {
  const auto last = std::prev(parked_.end());
  QuestionPtr question = std::move(last->second);
  parked_.erase(last);
  --size_;
  return question;
}

QuestionPtr SourceQueue::GiveUp() {
  if (!parked_.empty()) return TakeLastParked();
  return TakeLastOfHeaviest(heavy_.empty() ? addresses_.back()
                                           : *std::prev(heavy_.end())->second);
}

QuestionPtr SourceQueue::GiveUpFor(const std::string& address,
                                   const std::string& socket) {
  if (!parked_.empty()) return TakeLastParked();
  if (heavy_.empty()) return nullptr;
  AddressQueue& heaviest = *std::prev(heavy_.end())->second;
  if (heaviest.key != address) {
    const auto own = by_key_.find(address);
    const size_t size = own == by_key_.end() ? 0 : own->second->size;
    // The new question counts, too. So its own client is refused unless it
    // stays below the heaviest one.
    if (size + 1 >= heaviest.size) return nullptr;
    return TakeLastOfHeaviest(heaviest);
  }
  if (heaviest.heavy.empty()) return nullptr;
  const auto own = heaviest.sockets.find(socket);
  const size_t size =
      own == heaviest.sockets.end() ? 0 : own->second->questions.size();
  if (size + 1 >= std::prev(heaviest.heavy.end())->first) return nullptr;
  return TakeLastOfHeaviest(heaviest);
}

void SourceQueue::TakeIf(
    absl::FunctionRef<bool(const PendingQuestion&, bool parked)> gone,
    absl::FunctionRef<void(QuestionPtr)> take) {
  for (auto it = parked_.begin(); it != parked_.end();) {
    if (!gone(*it->second, /*parked=*/true)) {
      ++it;
      continue;
    }
    take(std::move(it->second));
    it = parked_.erase(it);
    --size_;
  }
  for (auto address = addresses_.begin(); address != addresses_.end();) {
    const auto here = address++;
    size_t left = here->turns.size();
    for (auto socket = here->turns.begin(); left > 0; --left) {
      const auto one = socket++;
      Filter(*here, *one, gone, take);
      DropIfEmpty(here, one);  // Removes the address with the last one.
    }
  }
}

void SourceQueue::Filter(
    AddressQueue& address, SocketQueue& socket,
    absl::FunctionRef<bool(const PendingQuestion&, bool parked)> gone,
    absl::FunctionRef<void(QuestionPtr)> take) {
  const size_t before = socket.questions.size();
  std::erase_if(socket.questions, [&](QuestionPtr& question) {
    if (!gone(*question, /*parked=*/false)) return false;
    take(std::move(question));
    return true;
  });
  const auto lost = static_cast<int>(before - socket.questions.size());
  if (lost > 0) Count(address, socket, -lost);
}

}  // namespace herald::authorizer
