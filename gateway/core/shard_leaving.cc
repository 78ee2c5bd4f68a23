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

// Each about half a millisecond.
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

void Shard::EndSome() {
  if (leavers_.empty() || loop_->Monotonic() < link_rests_until_) return;
  std::vector<Subscription*> ending;
  link::v1::AttachRequest ends;
  std::vector<absl::string_view> channels;
  size_t left = kEndsPerTurn;
  for (const Leaver& leaver : leavers_) {
    if (leaver.session == nullptr || left == 0) break;
    const SubscriptionList& all = leaver.session->subscriptions_;
    // From the back, where taking one moves no other.
    for (size_t i = all.size(); i > 0 && left > 0; --i, --left) {
      ending.push_back(all.at(i - 1));
      *ends.add_items() = leaver.session->EndOf(*ending.back());
      channels.push_back(ending.back()->channel->name);
    }
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
  for (int closed = 0; !leavers_.empty() && closed < kClosesPerTurn;) {
    Leaver& next = leavers_.front();
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
