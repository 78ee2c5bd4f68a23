// SPDX-License-Identifier: Apache-2.0
//
// How sessions end, and subscriptions that are revoked or have an expired
// grant: a turn of the loop ends a few subscriptions, with one chunk and one
// flush for the link.
//
// A session may have 10,000 subscriptions, and hundreds of sessions may end in
// one instant. To end one subscription takes some 2 µs of the loop. In one turn
// that delayed every other socket: 200 sessions of 1,000 channels stalled a
// loop for 0.43 s. The subscriptions of a revoked user may be as many.
//
// Invariant: the socket of a revoked subscription gets all that was delivered
// before the revocation, and then `unsubscribed`: the first delivery behind the
// revocation takes the subscription out of its channel. So a revocation only
// marks subscriptions, at some 50 ns each, and still nothing reaches a socket
// that was delivered after it.
//
// Order: an entry behind a session in the queue is handled after the session's
// subscriptions have ended: the backend that disconnects a user is answered
// when the user's members have left.

#include "gateway/session/departures.h"

#include <cstddef>
#include <utility>

namespace herald::gateway {
namespace {

// Each about half a millisecond; a whole one if the clients are notified.
constexpr size_t kEndsPerTurn = 256;
constexpr int kClosesPerTurn = 32;

// When a link that has too much to write is tried again.
constexpr absl::Duration kLinkRest = absl::Milliseconds(50);

}  // namespace

std::vector<Departures::Ending> Departures::NextToEnd() const {
  std::vector<Ending> ending;
  size_t left = kEndsPerTurn;
  auto next_revoked = loop_->leaving.revoked().begin();
  for (const Leaver& leaver : loop_->leaving.leavers()) {
    if (left == 0) break;
    if (leaver.is_revoked) {
      const Revoked& revoked = *next_revoked++;
      for (size_t i = 0; i < revoked.tickets.size() && left > 0; ++i, --left) {
        Subscription* const one =
            loop_->subscriptions.tickets().Find(revoked.tickets[i]);
        if (one != nullptr) ending.push_back({one, &revoked.reason});
      }
      continue;
    }
    if (leaver.session == nullptr) break;
    const SubscriptionList& all = leaver.session->subscriptions();
    // From the back, where taking one moves no other.
    for (size_t i = all.size(); i > 0 && left > 0; --i) {
      Subscription* const one = all.at(i - 1);
      if (one->revoked) continue;  // Its own place is before, so it is there.
      ending.push_back({one, nullptr});
      --left;
    }
  }
  return ending;
}

void Departures::EndSome() {
  LoopState& state = loop_->state;
  if (loop_->leaving.empty()) return;
  if (state.loop->Monotonic() < link_rests_until_) return;
  const std::vector<Ending> ending = NextToEnd();
  link::v1::AttachRequest ends;
  std::vector<contract::ChannelKeyView> channels;
  for (const Ending& one : ending) {
    *ends.add_items() = loop_->subscriptions.EndOf(*one.subscription);
    channels.push_back(one.subscription->channel->key);
  }
  if (!ending.empty() &&
      !state.router->Leave(state.options.index, ends, channels)) {
    link_rests_until_ = state.loop->Monotonic() + kLinkRest;
    return state.loop->RequestFlushAt(link_rests_until_);
  }
  for (const Ending& one : ending) {
    one.subscription->client->session->OnEnded(one.subscription, one.reason);
  }
  DismissLeavers();
  if (!loop_->leaving.empty()) state.RequestFlush();
}

void Departures::DismissLeavers() {
  LeaveQueue& queue = loop_->leaving;
  for (int closed = 0; !queue.empty() && closed < kClosesPerTurn;) {
    const Leaver& next = queue.leavers().front();
    if (next.is_revoked) {
      if (!queue.PopRevoked(loop_->subscriptions.tickets())) return;
      continue;
    }
    if (next.session != nullptr && !next.session->subscriptions().empty()) {
      return;
    }
    Leaver leaver = queue.Pop();
    if (leaver.session == nullptr) {
      loop_->state.router->CallDone(std::move(leaver.result));
      continue;
    }
    if (leaver.session->OnLeft(leaver.goodbye)) ++closed;
    if (leaver.session->is_over()) sessions_->erase(leaver.session->number());
  }
}

}  // namespace herald::gateway
