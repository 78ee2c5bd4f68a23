// SPDX-License-Identifier: Apache-2.0
//
// How sessions end, and subscriptions that are revoked or whose grants expire:
// a turn of the loop ends a few subscriptions, with one chunk and one flush for
// the link.
//
// A session may have 10,000 subscriptions, and hundreds of sessions may end in
// one instant. To end one subscription takes some 2 µs of the loop. In one turn
// that delayed every other socket: 200 sessions of 1,000 channels stalled a
// loop for 0.43 s. A user whose subscriptions are revoked may have as many.
//
// Invariant: a session that ends is in `leavers_` or has no subscription left.
// It is destroyed when both its subscriptions and its connection are gone, so
// subscriptions never point to a session that is not there.
//
// Invariant: a subscription that is revoked has a place in `leavers_` before
// that of its session. Its socket gets what was delivered before, and then
// `unsubscribed`: the first delivery behind the revocation takes it out of its
// channel. So a revocation only marks subscriptions, at some 50 ns each, and
// still nothing reaches a socket that was delivered after it.
//
// Order: what waits behind a session in `leavers_` happens after its
// subscriptions have ended: the backend that disconnects a user is answered
// when the user's members have left.

#include <algorithm>
#include <utility>

#include "gateway/loop/shard.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

// Each about half a millisecond; a whole one if the clients are notified.
constexpr size_t kEndsPerTurn = 256;
constexpr int kClosesPerTurn = 32;

// When a link that has too much to write is tried again.
constexpr absl::Duration kLinkRest = absl::Milliseconds(50);

}  // namespace

void Shard::Closed(Session* session) {
  session->closing_ = true;
  session->socket_ = nullptr;
  session->Cancel();
  writes_.Remove(&session->write_place_);
  paused_.erase(session->number_);
  observer_->OnClosed(session->close_reason_);
  BeginToLeave(session);
}

void Shard::CloseSession(Session* session, contract::CloseReason why,
                         absl::string_view text) {
  if (session->socket_ == nullptr) return;  // It has closed by itself.
  if (session->close_reason_ != contract::CloseReason::kNormal) return;
  CatchUp(session);
  session->closing_ = true;
  session->close_reason_ = why;
  BeginToLeave(session);
  session->socket_->Close(why, text);
}

void Shard::CloseInTurn(Session* session, contract::CloseReason why,
                        absl::string_view text) {
  if (session->closing_ || session->leaving_) {
    return CloseSession(session, why, text);
  }
  CatchUp(session);
  session->closing_ = true;
  session->close_reason_ = why;
  BeginToLeave(session, std::string(text));
}

void Shard::BeginToLeave(Session* session, std::optional<std::string> bye) {
  if (session->leaving_) return;
  if (session->subscriptions_.empty()) return DestroyIfGone(session);
  session->leaving_ = true;
  leavers_.push_back({session, {}, std::move(bye)});
  RequestFlush();
}

void Shard::DestroyIfGone(Session* session) {
  if (session->socket_ == nullptr) sessions_.erase(session->number_);
}

void Shard::AnswerWhenAllHaveLeft(link::v1::CallResult result) {
  if (leavers_.empty()) return router_->CallDone(std::move(result));
  leavers_.push_back({nullptr, std::move(result), {}});
}

void Shard::On(v1::Revocation& revocation) {
  if (revocation.has_user_id()) {
    for (Session* const session : SessionsOf(revocation.user_id())) {
      Revoke(session, revocation.channel(), revocation.reason());
    }
  } else if (Session* const session = Find(revocation.socket_id())) {
    Revoke(session, revocation.channel(), revocation.reason());
  }
}

void Shard::Revoke(Session* session, absl::string_view channel,
                   absl::string_view reason) {
  if (reason.empty()) reason = "revoked";
  const SubscriptionList& all = session->subscriptions_;
  if (!channel.empty()) {
    const Channel* const known = table_.Find(channel);
    Subscription* const one = known == nullptr ? nullptr : all.Find(known);
    if (one != nullptr) EndInTurn(one, reason);
    return;
  }
  for (size_t i = 0; i < all.size(); ++i) {
    Subscription* const one = all.at(i);
    if (contract::NeedsAuthorization(one->channel->name)) {
      EndInTurn(one, reason);
    }
  }
}

void Shard::EndInTurn(Subscription* subscription, absl::string_view reason) {
  Session* const session = subscription->session;
  if (!subscription->active || subscription->revoked) return;
  if (session->closing_) return;  // It gets nothing any more, and ends anyway.
  table_.Revoke(subscription);
  if (revoked_.empty() || revoked_.back().reason != reason) {
    revoked_.push_back({std::string(reason), {}});
    leavers_.push_back({nullptr, {}, {}, /*is_revoked=*/true});
  }
  revoked_.back().tickets.push_back(subscription->ticket);
  session->revocation_ =
      first_revocation_ + static_cast<uint32_t>(revoked_.size() - 1);
  RequestFlush();
}

void Shard::EndNow(Subscription* subscription) {
  Session* const session = subscription->session;
  const Revoked& last = revoked_[session->revocation_ - first_revocation_];
  const UnsubscribedMessage notice{subscription->channel->name, last.reason};
  session->End(subscription);
  Send(session, notice);
}

void Shard::Mute(Channel* channel) {
  // From the back: the subscriber that takes a freed place has been visited.
  for (size_t i = channel->subscribers.size(); i > 0; --i) {
    Subscription* const one = channel->subscribers[i - 1];
    if (!one->revoked) continue;
    LeaveBulk(one);
    table_.Mute(one);
  }
}

std::vector<Ending> Shard::NextToEnd() {
  std::vector<Ending> ending;
  size_t left = kEndsPerTurn;
  auto next_revoked = revoked_.begin();
  for (const Leaver& leaver : leavers_) {
    if (left == 0) break;
    if (leaver.is_revoked) {
      const Revoked& revoked = *next_revoked++;
      for (size_t i = 0; i < revoked.tickets.size() && left > 0; ++i, --left) {
        Subscription* const one = FindTicket(revoked.tickets[i]);
        if (one != nullptr) ending.push_back({one, &revoked.reason});
      }
      continue;
    }
    if (leaver.session == nullptr) break;
    const SubscriptionList& all = leaver.session->subscriptions_;
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

void Shard::EndSome() {
  if (leavers_.empty() || loop_->Monotonic() < link_rests_until_) return;
  const std::vector<Ending> ending = NextToEnd();
  link::v1::AttachRequest ends;
  std::vector<absl::string_view> channels;
  for (const Ending& one : ending) {
    const Subscription& subscription = *one.subscription;
    *ends.add_items() = subscription.session->EndOf(subscription);
    channels.push_back(subscription.channel->name);
  }
  if (!ending.empty() && !router_->Leave(options_.index, ends, channels)) {
    link_rests_until_ = loop_->Monotonic() + kLinkRest;
    return loop_->RequestFlushAt(link_rests_until_);
  }
  for (const Ending& one : ending) {
    Session* const session = one.subscription->session;
    std::optional<UnsubscribedMessage> notice;
    if (one.reason != nullptr) {
      notice = {one.subscription->channel->name, *one.reason};
    }
    session->OnEnded(one.subscription);
    if (notice.has_value()) Send(session, *notice);
  }
  DismissLeavers();
  if (!leavers_.empty()) RequestFlush();
}

void Shard::DismissLeavers() {
  for (int closed = 0; !leavers_.empty() && closed < kClosesPerTurn;) {
    Leaver& next = leavers_.front();
    if (next.is_revoked) {
      std::deque<int64_t>& tickets = revoked_.front().tickets;
      while (!tickets.empty() && FindTicket(tickets.front()) == nullptr) {
        tickets.pop_front();
      }
      if (!tickets.empty()) return;
      revoked_.pop_front();
      ++first_revocation_;
      leavers_.pop_front();
      continue;
    }
    if (next.session != nullptr && !next.session->subscriptions_.empty()) {
      return;
    }
    Leaver leaver = std::move(next);
    leavers_.pop_front();
    if (leaver.session == nullptr) {
      router_->CallDone(std::move(leaver.result));
      continue;
    }
    Session* const session = leaver.session;
    session->leaving_ = false;
    if (leaver.bye.has_value() && session->socket_ != nullptr) {
      ++closed;
      session->socket_->Close(session->close_reason_, *leaver.bye);
    } else {
      DestroyIfGone(session);
    }
  }
}

}  // namespace herald::gateway
