// SPDX-License-Identifier: Apache-2.0
//
// How sessions end: a turn of the loop ends a few of their subscriptions, with
// one chunk and one flush for the link.
//
// A session may have 10,000 subscriptions, and hundreds of sessions may end in
// one instant. To end one subscription takes some 2 µs of the loop. In one turn
// that delayed every other socket: 200 sessions of 1,000 channels stalled a
// loop for 0.43 s.
//
// Invariant: a session that ends is in `leavers_` or has no subscription left.
// It is destroyed when both its subscriptions and its connection are gone, so
// subscriptions never point to a session that is not there.
//
// Order: what waits behind a session in `leavers_` happens after its
// subscriptions have ended: the backend that disconnects a user is answered
// when the user's members have left.

#include <algorithm>
#include <utility>

#include "gateway/core/shard.h"

namespace herald::gateway {
namespace {

// About half a millisecond.
constexpr size_t kEndsPerTurn = 256;

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

void Shard::BeginToLeave(Session* session) {
  if (session->leaving_) return;
  if (session->subscriptions_.empty()) return DestroyIfGone(session);
  session->leaving_ = true;
  leavers_.push_back({session, {}});
  RequestFlush();
}

void Shard::DestroyIfGone(Session* session) {
  if (session->socket_ == nullptr) sessions_.erase(session->number_);
}

void Shard::AnswerWhenAllHaveLeft(link::v1::CallResult result) {
  if (leavers_.empty()) return router_->CallDone(std::move(result));
  leavers_.push_back({nullptr, std::move(result)});
}

void Shard::EndSome() {
  if (leavers_.empty() || loop_->Monotonic() < link_rests_until_) return;
  std::vector<Subscription*> ending;
  link::v1::AttachRequest ends;
  std::vector<absl::string_view> channels;
  for (const Leaver& leaver : leavers_) {
    if (leaver.session == nullptr) break;
    const SubscriptionList& all = leaver.session->subscriptions_;
    // From the back, where taking one moves no other.
    for (size_t i = all.size(); i > 0 && ending.size() < kEndsPerTurn; --i) {
      ending.push_back(all.at(i - 1));
      *ends.add_items() = leaver.session->EndOf(*ending.back());
      channels.push_back(ending.back()->channel->name);
    }
    if (ending.size() == kEndsPerTurn) break;
  }
  if (!ending.empty() && !router_->Leave(options_.index, ends, channels)) {
    link_rests_until_ = loop_->Monotonic() + kLinkRest;
    return loop_->RequestFlushAt(link_rests_until_);
  }
  for (Subscription* const one : ending) one->session->OnEnded(one);
  DismissLeavers();
  if (!leavers_.empty()) RequestFlush();
}

void Shard::DismissLeavers() {
  while (!leavers_.empty()) {
    Leaver& next = leavers_.front();
    if (next.session == nullptr) {
      router_->CallDone(std::move(next.result));
    } else if (next.session->subscriptions_.empty()) {
      next.session->leaving_ = false;
      DestroyIfGone(next.session);
    } else {
      return;
    }
    leavers_.pop_front();
  }
}

}  // namespace herald::gateway
