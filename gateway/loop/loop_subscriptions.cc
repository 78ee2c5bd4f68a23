// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/loop_subscriptions.h"

#include <optional>
#include <utility>

#include "proto/contract/names.h"

namespace herald::gateway {

std::unique_ptr<Subscription> LoopSubscriptions::Begin(
    ClientState* client, SubscribeMessage message, Asked asked,
    const link::v1::Call* call) {
  auto subscription = std::make_unique<Subscription>();
  subscription->client = client;
  link::v1::Subscribe question;
  question.set_socket_id(state_->SocketId(client->number));
  const contract::ChannelKeyView key{client->app(), message.channel};
  question.set_channel(key.Text());
  if (contract::NeedsAuthorization(message.channel)) {
    subscription->grant = std::make_unique<Grant>();
    Grant& grant = *subscription->grant;
    grant.auth = std::move(message.auth);
    grant.channel_data = std::move(message.channel_data);
    question.set_auth_token(grant.auth);
    question.set_channel_data(grant.channel_data);
    question.set_connection(client->facts.Serialize());
  }
  if (call != nullptr) {
    question.set_call_id(call->call_id());
    if (call->subscribe().has_member()) {
      *question.mutable_member() = call->subscribe().member();
    }
  }
  // The question comes before the tables: if it cannot be asked, nothing has to
  // be undone. Its answer is a delivery to this loop, so it is not handled
  // before this call returns.
  // The client's first position only. Later subscribes are answered by their
  // own positions when this one is (Session::OnConfirmed()).
  subscription->ticket = state_->router->Subscribe(
      state_->options.index, std::move(question),
      asked.empty() ? std::nullopt : asked.front(), client->facts.source());
  if (subscription->ticket == 0) return nullptr;
  if (subscription->grant != nullptr) {
    client->credential_bytes += subscription->grant->credential_bytes();
  }
  subscription->channel = table_.Obtain(client->dialect, key);
  subscription->by_call = asked.empty();
  subscription->asked = std::move(asked);
  table_.AddPending(subscription.get());
  tickets_.Add(subscription.get());
  return subscription;
}

void LoopSubscriptions::Confirm(Subscription* subscription,
                                Confirmed& confirmed) {
  table_.Activate(subscription, std::move(confirmed.user_id));
  subscription->is_member = confirmed.is_member;
  state_->observer->OnSubscriptions(1);
  if (!confirmed.renewable) {
    if (subscription->grant != nullptr) {
      subscription->client->credential_bytes -=
          subscription->grant->credential_bytes();
    }
    // The authorizer is not asked again, so the credentials are not needed.
    subscription->grant.reset();
    if (confirmed.expires_after != absl::InfiniteDuration()) {
      subscription->grant = std::make_unique<Grant>();
    }
  }
  if (subscription->grant == nullptr) return;
  subscription->grant->renewable = confirmed.renewable;
  grants_.Begin(subscription, confirmed.expires_after);
}

bool LoopSubscriptions::End(const Subscription& subscription) {
  const contract::ChannelKeyView channel = subscription.channel->key;
  if (!subscription.is_confirmed()) {
    state_->router->Cancel(subscription.ticket, channel);
    return true;
  }
  link::v1::AttachRequest ends;
  *ends.add_items() = EndOf(subscription);
  return state_->router->Leave(state_->options.index, ends, {channel});
}

void LoopSubscriptions::Mute(Subscription* subscription) {
  if (!subscription->active) return;
  bulk_->Leave(subscription);
  table_.Mute(subscription);
}

link::v1::GatewayItem LoopSubscriptions::EndOf(
    const Subscription& subscription) const {
  link::v1::GatewayItem item;
  if (!subscription.is_confirmed()) {
    item.mutable_cancel()->set_ticket(subscription.ticket);
    return item;
  }
  link::v1::Unsubscribe& end = *item.mutable_unsubscribe();
  end.set_ticket(subscription.ticket);
  end.set_channel(subscription.channel->key.text());
  if (subscription.is_member) {
    end.set_socket_id(state_->SocketId(subscription.client->number));
    end.set_user_id(subscription.user_id);
  }
  return item;
}

void LoopSubscriptions::Forget(Subscription* subscription) {
  if (subscription->is_confirmed()) state_->observer->OnSubscriptions(-1);
  if (subscription->grant != nullptr) {
    grants_.Forget(*subscription);
    subscription->client->credential_bytes -=
        subscription->grant->credential_bytes();
  }
  tickets_.Remove(subscription->ticket);
  // Before Remove(), which gives its place to another subscription and may
  // delete the channel: the backlog gives both what they lack.
  bulk_->Leave(subscription);
  table_.Remove(subscription);
}

void LoopSubscriptions::MuteRevoked(LoopChannel* channel) {
  // From the back: the subscriber that takes a freed place has been visited.
  for (size_t i = channel->subscribers.size(); i > 0; --i) {
    Subscription* const one = channel->subscribers[i - 1];
    if (one->revoked) Mute(one);
  }
}

}  // namespace herald::gateway
