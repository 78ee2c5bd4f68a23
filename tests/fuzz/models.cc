// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/models.h"

#include <utility>

#include "proto/contract/names.h"
#include "tests/fuzz/refusal.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using link::v1::GatewayItem;
using link::v1::ServiceItem;

bool HasMembers(const std::string& channel) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence;
}

}  // namespace

void RosterModel::Add(const v1::MemberAdded& added) {
  Require(Knows(added.channel()));
  Require(users_[added.channel()].insert(added.user_id()).second);
}

void RosterModel::Remove(const v1::MemberRemoved& removed) {
  Require(Knows(removed.channel()));
  Require(users_[removed.channel()].erase(removed.user_id()) == 1);
}

void RosterModel::RequireTrue(World& world) const {
  for (const auto& [channel, users] : users_) {
    std::set<std::string> present;
    for (const auto& member : world.engine().Members(channel)) {
      present.insert(member.user_id());
    }
    Require(users == present);
  }
}

LinkModel::LinkModel(World* world, int64_t gateway)
    : world_(world),
      gateway_(gateway),
      attachment_(world->Open(gateway, outbox_)) {}

int64_t LinkModel::Count(const std::string& channel) const {
  const auto it = counts_.find(channel);
  return it == counts_.end() ? 0 : it->second;
}

std::vector<int64_t> LinkModel::OpenTickets() const {
  std::vector<int64_t> tickets;
  for (const auto& [ticket, channel] : open_) tickets.push_back(ticket);
  return tickets;
}

void LinkModel::Send(GatewayItem item) {
  // An answer before Handle() returns has to be known.
  if (item.has_subscribe()) {
    open_[item.subscribe().ticket()] = item.subscribe().channel();
  } else if (item.has_attached()) {
    counts_ = held_;
  }
  renews_ += item.has_renew() ? 1 : 0;
  recovers_ += item.has_recover() ? 1 : 0;
  const absl::Status status = world_->hub().Handle(attachment_, item);
  if (!IsOkOr(status, {absl::StatusCode::kInvalidArgument,
                       absl::StatusCode::kFailedPrecondition})) {
    return Close();
  }
  OnSent(item);
}

void LinkModel::OnSent(const GatewayItem& item) {
  if (item.has_held()) {
    held_[item.held().channel()] += item.held().subscription_count();
  } else if (item.has_unsubscribe()) {
    const std::string& channel = item.unsubscribe().channel();
    Require(Count(channel) > 0);
    if (--counts_[channel] > 0) return;
    counts_.erase(channel);
    rosters_.Forget(channel);
  } else if (item.has_whisper()) {
    Require(Count(item.whisper().channel()) > 0);
  }
}

void LinkModel::Read() {
  for (const ServiceItem& item : outbox_->TakeItems()) On(item);
}

void LinkModel::On(const ServiceItem& item) {
  switch (item.item_case()) {
    case ServiceItem::kSettled:
      Require(!std::exchange(is_settled_, true));
      break;
    case ServiceItem::kSubscribed:
      OnSubscribed(item.subscribed());
      break;
    case ServiceItem::kRefused:
      Require(open_.erase(item.refused().ticket()) == 1);
      Require(contract::IsUtf8(item.refused().reason()));
      break;
    case ServiceItem::kPublication:
      Require(Count(item.publication().channel()) > 0);
      break;
    case ServiceItem::kNewPosition:
      Require(Count(item.new_position().channel()) > 0);
      break;
    case ServiceItem::kMemberAdded:
      rosters_.Add(item.member_added());
      break;
    case ServiceItem::kMemberRemoved:
      rosters_.Remove(item.member_removed());
      break;
    case ServiceItem::kRoster:
      Require(Count(item.roster().channel()) > 0);
      rosters_.Set(item.roster().channel(), item.roster().members());
      break;
    case ServiceItem::kRenewed:
      Require(--renews_ >= 0);
      break;
    case ServiceItem::kRecovery:
      Require(--recovers_ >= 0);
      break;
    case ServiceItem::kCall:
      calls_.push_back(item.call().call_id());
      break;
    default:
      break;
  }
}

void LinkModel::OnSubscribed(const link::v1::Subscribed& subscribed) {
  const auto it = open_.find(subscribed.ticket());
  Require(it != open_.end());
  const std::string channel = it->second;
  open_.erase(it);
  const bool is_first = Count(channel) == 0;
  ++counts_[channel];
  Require(subscribed.has_roster() == (is_first && HasMembers(channel)));
  if (subscribed.has_roster()) {
    rosters_.Set(channel, subscribed.roster().members());
  }
}

void LinkModel::Close() {
  if (!is_open()) return;
  world_->hub().Close(attachment_, "it ends");
  attachment_ = nullptr;
  counts_.clear();
  open_.clear();
  rosters_ = {};
}

void LinkModel::RequireAllAnswered() const {
  if (!is_open()) return;
  Require(open_.empty());
  Require(renews_ == 0 && recovers_ == 0);
}

void WatchModel::Open(const std::vector<std::string>& channels) {
  request_.clear_channels();
  for (const std::string& channel : channels) request_.add_channels(channel);
  outbox_ = std::make_shared<Outbox>();
  if (world_->hub().Watch(request_, outbox_).ok()) return;
  Require(!world_->hub().ready());
  outbox_ = nullptr;
}

void WatchModel::Read() {
  if (!is_open()) return;
  for (const v1::ServerMessage& message : outbox_->TakeMessages()) On(message);
}

void WatchModel::On(const v1::ServerMessage& message) {
  if (message.has_subscribed()) {
    const std::string& channel = message.subscribed().channel();
    offsets_[channel] = message.subscribed().offset();
    if (HasMembers(channel)) {
      rosters_.Set(channel, message.subscribed().members());
    }
  } else if (message.has_member_added()) {
    rosters_.Add(message.member_added());
  } else if (message.has_member_removed()) {
    rosters_.Remove(message.member_removed());
  } else if (message.has_event() && message.event().offset() > 0) {
    int64_t& offset = offsets_.at(message.event().channel());
    Require(message.event().offset() == ++offset);
  }
}

void WatchModel::Close() {
  if (!is_open()) return;
  world_->hub().Unwatch(request_, outbox_);
  outbox_ = nullptr;
  offsets_.clear();
  rosters_ = {};
}

}  // namespace herald::fuzz
