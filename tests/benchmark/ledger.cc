// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/ledger.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {

Ledger::Ledger(std::vector<int> channel_of_socket) {
  for (const int channel : channel_of_socket) {
    const auto place = static_cast<size_t>(channel);
    channels_.resize(std::max(channels_.size(), place + 1));
    ++channels_[place].subscribers;
    sockets_.push_back({channel, 0});
  }
}

int64_t Ledger::Publish(int channel) {
  const auto place = static_cast<size_t>(channel);
  if (place >= channels_.size() || channels_[place].subscribers == 0) {
    Fail("channel ", channel, " has no subscriber");
  }
  Channel& published = channels_[place];
  ++open_;
  published.waiting.push_back(published.subscribers);
  return published.next() - 1;
}

bool Ledger::Deliver(int socket, const Stamp& stamp) {
  Socket& receiver = sockets_.at(static_cast<size_t>(socket));
  if (stamp.channel != receiver.channel) {
    Fail("socket ", socket, " of channel ", receiver.channel,
         " has received a message of channel ", stamp.channel);
  }
  if (stamp.sequence != receiver.next) {
    Fail("socket ", socket, " has received message ", stamp.sequence,
         " of channel ", stamp.channel, " instead of ", receiver.next,
         stamp.sequence < receiver.next ? ": a duplicate" : ": a gap");
  }
  Channel& channel = channels_[static_cast<size_t>(receiver.channel)];
  if (stamp.sequence >= channel.next()) {
    Fail("socket ", socket, " has received message ", stamp.sequence,
         " of channel ", stamp.channel, ", which was not published");
  }
  ++receiver.next;
  ++deliveries_;
  if (--channel.waiting[static_cast<size_t>(stamp.sequence - channel.first)]) {
    return false;
  }
  // A socket receives in order, so no message is complete before the earlier.
  channel.waiting.pop_front();
  ++channel.first;
  --open_;
  return true;
}

std::string Ledger::Missing() const {
  int64_t missing = 0;
  std::string example;
  for (size_t i = 0; i < sockets_.size(); ++i) {
    const Socket& socket = sockets_[i];
    const Channel& channel = channels_[static_cast<size_t>(socket.channel)];
    if (socket.next == channel.next()) continue;
    missing += channel.next() - socket.next;
    if (!example.empty()) continue;
    example = absl::StrCat("; socket ", i, " waits for message ", socket.next,
                           " of channel ", socket.channel);
  }
  return absl::StrCat(missing, " deliveries are missing", example);
}

}  // namespace herald::benchmark
