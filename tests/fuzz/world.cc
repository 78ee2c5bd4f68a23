// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/world.h"

#include <optional>

#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/require.h"
#include "service/channel/encoding.h"

namespace herald::fuzz {
namespace {

using contract::Require;

// Of the rules below, in seconds.
constexpr int64_t kHistoryTtl = 2;
constexpr int64_t kGrace = 3;

config::v1::ChannelRule& AddRule(const std::string& pattern,
                                 config::v1::Config& rules) {
  config::v1::ChannelRule& rule = *rules.add_channels();
  rule.set_pattern(pattern);
  return rule;
}

void AddHistory(int64_t size, config::v1::Config& rules) {
  config::v1::ChannelRule& rule = AddRule("*", rules);
  rule.set_history_size(size);
  rule.mutable_history_ttl()->set_seconds(kHistoryTtl);
}

}  // namespace

config::v1::Config Rules(int index) {
  config::v1::Config rules;
  if (index == 1) {
    AddHistory(3, rules);
    AddRule("presence-*", rules).mutable_member_grace()->set_seconds(kGrace);
  } else if (index == 2) {
    AddHistory(1, rules);
    AddRule("presence-*", rules).set_presence(false);
    AddRule("chat", rules).set_max_payload(3);
  } else if (index == 3) {
    AddRule("*", rules).set_max_subscribers(2);
    AddRule("chat", rules).set_client_events(false);
  }
  return rules;
}

void Judge::Decide(size_t index, core::Verdict decision) {
  auto done = std::move(open_[index].second);
  open_.erase(open_.begin() + static_cast<ptrdiff_t>(index));
  done(std::move(decision));
}

void Outbox::Enqueue(core::Chunk chunk) {
  if (is_full) Close(absl::ResourceExhaustedError("the outbox is full"));
  EnqueueState(std::move(chunk));
}

void Outbox::EnqueueState(core::Chunk chunk) {
  Require(chunk != nullptr && !chunk->empty());
  if (closed.ok()) chunks_.push_back(std::move(chunk));
}

bool Outbox::EnqueueWhisper(core::Chunk chunk) {
  if (whispers_are_full) return false;
  Enqueue(std::move(chunk));
  return true;
}

// Of a Watch; a link's is sent as it is, by EnqueueState().
void Outbox::EnqueueMissed(core::Chunk publication) {
  std::optional<v1::Event> event = core::DecodeEvent(publication);
  Require(event.has_value());
  v1::ServerMessage message;
  *message.mutable_event() = *std::move(event);
  EnqueueState(core::EncodeWatch(std::move(message)));
}

std::vector<link::v1::ServiceItem> Outbox::TakeItems() {
  std::vector<link::v1::ServiceItem> items;
  for (const core::Chunk& chunk : std::exchange(chunks_, {})) {
    link::v1::AttachResponse frame;
    Require(frame.ParseFromString(*chunk));
    Require(frame.items_size() == 1);
    items.push_back(std::move(*frame.mutable_items(0)));
  }
  return items;
}

std::vector<v1::ServerMessage> Outbox::TakeMessages() {
  std::vector<v1::ServerMessage> messages;
  for (const core::Chunk& chunk : std::exchange(chunks_, {})) {
    v1::WatchResponse response;
    Require(response.ParseFromString(*chunk));
    messages.push_back(std::move(*response.mutable_message()));
  }
  return messages;
}

World::World() {
  core::CoreOptions options;
  options.version = "fuzz";
  options.settings.set_revision(1);
  options.settings.set_max_payload(kPayloadBytesMax);
  options.settings.set_max_channels(3);
  options.settings.set_allow_client_events(true);
  hub_ = std::make_unique<core::Hub>(options, &engine_, &judge_, &timers_,
                                     &observer_);
  hub_->Start();
}

core::AttachmentPtr World::Open(int64_t gateway,
                                const std::shared_ptr<Outbox>& outbox) {
  link::v1::Hello hello;
  hello.set_protocol_version(1);
  hello.set_gateway_id(gateway);
  hello.set_link_down_ms(100);
  absl::StatusOr<core::AttachmentPtr> opened = hub_->Open(hello, outbox);
  return opened.ok() ? *std::move(opened) : nullptr;
}

void World::Populate() {
  hub_->SetRules(Rules(1));
  const core::AttachmentPtr gateway = Open(77, std::make_shared<Outbox>());
  link::v1::GatewayItem item;
  for (const char* const channel : {"chat", "private-a"}) {
    item.mutable_held()->set_channel(channel);
    item.mutable_held()->set_subscription_count(2);
    Require(hub_->Handle(gateway, item).ok());
  }
  item.mutable_held()->set_channel("presence-a");
  for (const char* const user : {"ada", "bob", "eve"}) {
    link::v1::HeldMember& member = *item.mutable_held()->add_members();
    member.mutable_member()->set_user_id(user);
    member.add_socket_ids("77.1");
  }
  Require(hub_->Handle(gateway, item).ok());
  item.mutable_attached();
  Require(hub_->Handle(gateway, item).ok());
  v1::BroadcastRequest request;
  request.add_channels("chat");
  request.set_event("said");
  request.set_data("1");
  for (int i = 0; i < 4; ++i) {
    hub_->Broadcast(request, [](const auto& answer) { Require(answer.ok()); });
  }
}

std::optional<core::Position> World::PositionOf(const std::string& channel) {
  std::optional<core::Position> position;
  engine_.Describe(channel, [&](const auto& state) {
    Require(state.ok());
    position = state->position;
  });
  return position;
}

void World::RequireSaneCounts() {
  const core::ServiceCounts counts = hub_->Counts();
  for (const int64_t count :
       {counts.gateways, counts.clients, counts.channels, counts.subscriptions,
        counts.members, counts.watches, counts.histories,
        counts.history_bytes}) {
    Require(count >= 0);
  }
  Require(counts.subscriptions >= counts.channels);
  Require((counts.subscriptions == 0) == (counts.channels == 0));
  Require((counts.history_bytes == 0) == (counts.histories == 0));
}

void World::RequireEmpty() {
  const auto counts = [this] { return hub_->Counts(); };
  Require(counts().gateways == 0 && counts().clients == 0);
  Require(counts().channels == 0 && counts().subscriptions == 0);
  Require(counts().watches == 0);
  timers_.Advance(core::MemoryEngineOptions().lease + absl::Seconds(kGrace));
  Require(counts().members == 0);
  timers_.Advance(core::kUnsaidLife + absl::Seconds(kHistoryTtl + 2));
  Require(counts().histories == 0 && counts().history_bytes == 0);
}

}  // namespace herald::fuzz
