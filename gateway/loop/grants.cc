// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/grants.h"

#include <algorithm>

#include "gateway/loop/client_state.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

// How soon a renewal that could not be asked, or decided, is tried again.
constexpr absl::Duration kRenewRetry = absl::Seconds(1);

link::v1::Subscribe RenewalOf(const Subscription& subscription,
                              std::string socket_id) {
  const Grant& grant = *subscription.grant;
  link::v1::Subscribe question;
  question.set_ticket(subscription.ticket);
  question.set_socket_id(std::move(socket_id));
  question.set_channel(subscription.channel->key.text());
  question.set_auth_token(grant.auth);
  question.set_channel_data(grant.channel_data);
  question.set_connection(subscription.client->facts.Serialize());
  if (!subscription.user_id.empty()) {
    question.mutable_member()->set_user_id(subscription.user_id);
  }
  return question;
}

}  // namespace

void Grants::Begin(Subscription* subscription, absl::Duration life) {
  Grant& grant = *subscription->grant;
  const absl::Time now = state_->now;
  grant.end = now + life;
  Schedule(subscription, grant.renewable ? now + life * 0.9 : grant.end);
}

void Grants::Forget(const Subscription& subscription) {
  due_.erase({subscription.grant->attention, subscription.ticket});
}

std::vector<Subscription*> Grants::AskDue() {
  std::vector<Subscription*> ended;
  while (!due_.empty() && due_.begin()->first <= state_->now) {
    Subscription* const one = tickets_->Find(due_.begin()->second);
    due_.erase(due_.begin());
    contract::Require(one != nullptr && one->grant != nullptr);
    // Its end is queued already (departures.cc).
    if (one->revoked) continue;
    if (state_->now >= one->grant->end) {
      state_->observer->OnGrantEnded();
      ended.push_back(one);
    } else {
      Ask(one);
    }
  }
  return ended;
}

void Grants::Ask(Subscription* subscription) {
  Grant& grant = *subscription->grant;
  grant.asking = state_->router->Renew(
      state_->options.index,
      RenewalOf(*subscription, state_->SocketId(subscription->client->number)));
  // Tried again, but never beyond the end: ScheduleRenewal() is bounded by it,
  // so a service that cannot be asked extends no grant.
  if (!grant.asking) {
    state_->observer->OnGrantPostponed();
    return ScheduleRenewal(subscription, state_->now + kRenewRetry);
  }
  state_->observer->OnGrantAsked();
  // While an answer is awaited, only the end matters.
  Schedule(subscription, grant.end);
}

bool Grants::OnRenewed(Subscription* subscription, const Renewed& renewed) {
  Grant& grant = *subscription->grant;
  grant.asking = false;
  switch (renewed.outcome) {
    case link::v1::Renewed::OUTCOME_ALLOWED:
      grant.owed = false;
      Begin(subscription, renewed.expires_after);
      return true;
    case link::v1::Renewed::OUTCOME_DENIED:
      state_->observer->OnGrantEnded();
      return false;
    default:
      // Undecided. Without an end the grant stays valid, and it is asked about
      // again only if revocations may have been missed (RenewAll()).
      if (grant.owed || grant.end != absl::InfiniteFuture()) {
        ScheduleRenewal(subscription, state_->now + kRenewRetry);
      } else {
        Schedule(subscription, absl::InfiniteFuture());
      }
      return true;
  }
}

void Grants::RenewAll() {
  for (const auto& [ticket, subscription] : tickets_->all()) {
    if (!subscription->active || subscription->grant == nullptr) continue;
    Grant& grant = *subscription->grant;
    if (!grant.renewable) continue;
    grant.owed = true;
    // OnRenewed() schedules it again if the open question is not decided.
    if (grant.asking) continue;
    // A slot takes kRenewalsPerSlot. Once, one tick asked about all grants of a
    // loop.
    ScheduleRenewal(subscription, state_->now + TimerWheel::kSlot);
  }
}

void Grants::Schedule(Subscription* subscription, absl::Time when) {
  Grant& grant = *subscription->grant;
  due_.erase({grant.attention, subscription->ticket});
  grant.attention = when;
  if (when == absl::InfiniteFuture()) return;
  due_.emplace(when, subscription->ticket);
}

void Grants::ScheduleRenewal(Subscription* subscription, absl::Time when) {
  if (when > renewal_slot_) {
    renewal_slot_ = when;
    renewals_in_slot_ = 0;
  } else if (renewals_in_slot_ == kRenewalsPerSlot) {
    renewal_slot_ += TimerWheel::kSlot;
    renewals_in_slot_ = 0;
  }
  // A grant that ends before its slot is asked about out of turn.
  const absl::Time end = subscription->grant->end;
  if (renewal_slot_ >= end) {
    return Schedule(subscription, std::min(when, end));
  }
  ++renewals_in_slot_;
  Schedule(subscription, renewal_slot_);
}

}  // namespace herald::gateway
