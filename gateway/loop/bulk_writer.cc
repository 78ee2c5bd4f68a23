// SPDX-License-Identifier: Apache-2.0
//
// Large channels: how one loop stays fair, and how fan-out becomes cheap.
//
// A loop does little else but write, and an event for ten thousand subscribers
// makes ten thousand writes due at once. So such an event is noted once, in the
// channel's backlog, and a turn visits a few of the subscribers and writes each
// one the events that it lacks. An answer, or the event of a small channel,
// waits for one turn and not for the bulk. An event that is published meanwhile
// joins those that wait for the other subscribers, and leaves with them in one
// send(2).
//
// Invariant: a subscription's `given` is the position in its channel up to
// which it was given everything; without a backlog, the channel's `said`.
//
// Invariant: within a pass, the subscribers that have not been visited stand
// behind those that have, so none is left out. Where the last one takes the
// place of one that leaves, it may move to the front unvisited, and catches up
// then.

#include "gateway/loop/bulk_writer.h"

#include <algorithm>
#include <utility>

#include "gateway/subscriptions/backlog.h"

namespace herald::gateway {
namespace {

// How long a large channel rests after a pass that brought several events at
// once. The cost of a write hardly depends on how much it writes, so a channel
// that is this busy is better written less often: passes back to back take the
// time that publishers, the service and the clients need, find little, and cost
// more for less. Measured with 1,000 subscribers and 16 publishes in flight on
// two cores: 6 events a write and 2.2 million deliveries per CPU-second without
// a rest, and half of them 5.0 ms old; 10 events, 3.9 million and 4.0 ms with
// one of 4 ms. On a machine with system calls three times as slow, 4 ms
// give 0.75 million and 13.5 ms, 8 ms give 1.08 million and 11.3 ms, and with
// 12 the delays grow again.
constexpr absl::Duration kRest = absl::Milliseconds(8);

// Bytes in a backlog above which all subscribers are given what they lack,
// however long that takes: a socket's bound is for bytes that its client does
// not read, so no single write may come near to it.
constexpr size_t kBacklogBytesMax = 256 << 10;

// Whispers never cause that: beyond this they are dropped, and their sender is
// slowed down.
constexpr size_t kBacklogBytesForWhispers = kBacklogBytesMax / 2;

}  // namespace

bool BulkWriter::HasRoomFor(const LoopChannel& channel, const Frame& frame) {
  if (frame.whisper() == nullptr || channel.backlog == nullptr) return true;
  if (channel.backlog->size_bytes() + frame.size() <=
      kBacklogBytesForWhispers) {
    return true;
  }
  state_->observer->OnWhisperDropped(
      static_cast<int64_t>(channel.subscribers.size()));
  WhisperOrigin& origin = *frame.whisper();
  if (!origin.is_reported.exchange(true))
    state_->router->ReportCongestion(origin);
  return false;
}

bool BulkWriter::Spread(LoopChannel* channel, const Frame& frame,
                        uint64_t except_socket) {
  if (!HasRoomFor(*channel, frame)) return false;
  if (channel->backlog == nullptr) {
    channel->backlog = std::make_unique<Backlog>(channel->said);
    bulk_.push_back(channel);
  }
  Backlog& backlog = *channel->backlog;
  if (backlog.size_bytes() + frame.size() > kBacklogBytesMax) {
    for (Subscription* const subscription : channel->subscribers) {
      Give(subscription);
    }
    backlog.Clear();
  }
  backlog.Append(frame, except_socket);
  channel->said = backlog.end();
  state_->RequestFlush();
  return true;
}

void BulkWriter::WriteSome() {
  if (bulk_.empty()) return;
  const absl::Time now = state_->loop->Monotonic();
  absl::Time next = absl::InfiniteFuture();
  int left = kBulkVisitsPerTurn;
  for (size_t i = bulk_.size(); i > 0; --i) {
    LoopChannel* const channel = bulk_.front();
    bulk_.pop_front();
    if (channel->rests_until <= now) left = VisitSome(channel, left, now);
    if (channel->backlog == nullptr) continue;
    bulk_.push_back(channel);
    next = std::min(next, channel->rests_until);
    if (left == 0) break;
  }
  if (bulk_.empty()) return;
  if (left == 0 || next <= now) {
    state_->RequestFlush();
  } else {
    state_->loop->RequestFlushAt(next);
  }
}

int BulkWriter::VisitSome(LoopChannel* channel, int count, absl::Time now) {
  Backlog& backlog = *channel->backlog;
  for (; count > 0; --count) {
    if (backlog.visited() == channel->subscribers.size() &&
        !BeginPass(channel, now)) {
      break;
    }
    Subscription* const next = channel->subscribers[backlog.visited()];
    backlog.Visit();
    Give(next);
  }
  return count;
}

bool BulkWriter::BeginPass(LoopChannel* channel, absl::Time now) {
  const bool busy = channel->backlog->EndPass() > 1;
  if (busy) channel->rests_until = now + kRest;
  if (channel->backlog->empty()) channel->backlog = nullptr;
  return channel->backlog != nullptr && !busy;
}

void BulkWriter::Give(Subscription* subscription) {
  const Backlog& backlog = *subscription->channel->backlog;
  const uint32_t given = std::exchange(subscription->given, backlog.end());
  ClientState* const client = subscription->client;
  if (given == backlog.end() || client->closing) return;
  size_t written = 0;
  if (!backlog.Excepts(given, client->number)) {
    const absl::string_view bytes = backlog.BytesFrom(given);
    written = client->socket()->WriteNow(bytes);
    if (written == bytes.size()) return;
  }
  for (const Backlog::Entry& event : backlog.EventsFrom(given)) {
    const size_t done = std::min(written, event.frame.size());
    written -= done;
    if (done == event.frame.size()) continue;
    if (event.except_socket == client->number) continue;
    writer_->SendFrame(client, event.frame, done);
  }
}

void BulkWriter::CatchUp(Subscription* subscription) {
  if (subscription->channel->backlog == nullptr) return;
  if (subscription->active) Give(subscription);
}

void BulkWriter::CatchUp(const SubscriptionList& all) {
  if (bulk_.size() < all.size()) {
    for (const LoopChannel* const channel : bulk_) {
      Subscription* const one = all.Find(channel);
      if (one != nullptr) CatchUp(one);
    }
  } else {
    for (size_t i = 0; i < all.size(); ++i) CatchUp(all.at(i));
  }
}

void BulkWriter::Leave(Subscription* subscription) {
  LoopChannel& channel = *subscription->channel;
  if (channel.backlog == nullptr || !subscription->active) return;
  Give(subscription);
  const size_t last = channel.subscribers.size() - 1;
  Subscription* const moved = channel.subscribers[last];
  const size_t visited = channel.backlog->visited();
  if (subscription->place < visited && last >= visited) Give(moved);
  channel.backlog->Shrink(last);
  if (last > 0) return;
  channel.backlog = nullptr;
  bulk_.erase(std::find(bulk_.begin(), bulk_.end(), &channel));
}

}  // namespace herald::gateway
