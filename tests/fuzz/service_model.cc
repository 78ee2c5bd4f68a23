// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/service_model.h"

#include <utility>

#include "proto/contract/limits.h"
#include "proto/contract/require.h"
#include "service/gateways/link_checks.h"

namespace herald::fuzz {

using contract::Require;
using link::v1::GatewayItem;
using link::v1::ServiceItem;

void ServiceModel::Begin() {
  has_hello_ = false;
  is_attached_ = false;
  tickets_.clear();
  counts_.clear();
  held_.clear();
  renewals_.clear();
  recovers_.clear();
  recovering_.clear();
  lost_calls_.merge(calls_);
  calls_.clear();
}

void ServiceModel::OnSent(const ServiceItem& item) {
  if (item.has_subscribed()) Answer(item.subscribed().ticket(), true);
  if (item.has_refused()) Answer(item.refused().ticket(), false);
  if (item.has_renewed()) renewals_.erase(item.renewed().ticket());
  if (item.has_recovery()) recovering_.erase(item.recovery().channel());
  if (item.has_new_position()) {
    recovering_.erase(item.new_position().channel());
  }
  if (item.has_call() && item.call().call_case() != 0) {
    calls_.insert(item.call().call_id());
  }
}

void ServiceModel::Answer(int64_t ticket, bool allows) {
  const auto it = tickets_.find(ticket);
  if (it == tickets_.end()) return;
  if (allows) {
    ++counts_[it->second.channel];
    allowed_[ticket] = it->second.channel;
  }
  calls_.erase(it->second.call);
  tickets_.erase(it);
}

void ServiceModel::Enqueue(gateway::UplinkChunk chunk) {
  const int64_t size = chunk.bytes();
  std::string bytes;
  std::move(chunk).MoveTo(&bytes);
  Require(static_cast<int64_t>(bytes.size()) == size);
  link::v1::AttachRequest frame;
  Require(frame.ParseFromString(bytes) && frame.items_size() > 0);
  for (const GatewayItem& item : frame.items()) On(item);
}

bool ServiceModel::TryEnqueue(gateway::UplinkChunk chunk, int64_t bytes_max) {
  if (is_full || chunk.bytes() > bytes_max) return false;
  Enqueue(std::move(chunk));
  return true;
}

void ServiceModel::On(const GatewayItem& item) {
  Require(item.has_hello() == !has_hello_);
  if (item.has_hello()) {
    has_hello_ = true;
    Require(core::CheckHello(item.hello()).ok());
    Require(item.hello().gateway_id() == gateway_);
    return;
  }
  Require(core::CheckItem(item, static_cast<uint64_t>(gateway_),
                          contract::kPayloadBytesLimit)
              .ok());
  Require((item.has_held() || item.has_attached()) == !is_attached_);
  switch (item.item_case()) {
    case GatewayItem::kHeld:
      return OnHeld(item.held());
    case GatewayItem::kAttached:
      is_attached_ = true;
      return;
    case GatewayItem::kSubscribe:
      return OnSubscribe(item.subscribe());
    case GatewayItem::kUnsubscribe:
      return OnUnsubscribe(item.unsubscribe());
    case GatewayItem::kWhisper:
      return Require(counts_.contains(item.whisper().channel()));
    case GatewayItem::kRenew: {
      const int64_t ticket = item.renew().subscribe().ticket();
      Require(allowed_.contains(ticket));
      return Require(renewals_.insert(ticket).second);
    }
    case GatewayItem::kCallResult:
      return OnCallResult(item.call_result());
    case GatewayItem::kRecover:
      Require(counts_.contains(item.recover().channel()));
      Require(recovering_.insert(item.recover().channel()).second);
      return recovers_.push_back(item.recover());
    default:
      return;
  }
}

void ServiceModel::OnHeld(const link::v1::Held& held) {
  Require(counts_.contains(held.channel()) == (held.subscription_count() == 0));
  counts_[held.channel()] += held.subscription_count();
  if (held.has_position()) held_[held.channel()] = held.position();
}

void ServiceModel::OnSubscribe(const link::v1::Subscribe& question) {
  Require(question.ticket() > last_ticket_);
  last_ticket_ = question.ticket();
  const int64_t call = question.call_id();
  Require(call == 0 || calls_.contains(call) || lost_calls_.contains(call));
  tickets_[question.ticket()] = {question.channel(), call};
}

void ServiceModel::OnUnsubscribe(const link::v1::Unsubscribe& end) {
  const auto it = allowed_.find(end.ticket());
  Require(it != allowed_.end() && it->second == end.channel());
  allowed_.erase(it);
  renewals_.erase(end.ticket());
  const auto count = counts_.find(end.channel());
  Require(count != counts_.end());
  if (--count->second > 0) return;
  counts_.erase(count);
  recovering_.erase(end.channel());
}

void ServiceModel::OnCallResult(const link::v1::CallResult& result) {
  Require(calls_.erase(result.call_id()) == 1 ||
          lost_calls_.contains(result.call_id()));
}

}  // namespace herald::fuzz
