// SPDX-License-Identifier: Apache-2.0

#include "service/channel/fanout.h"

#include <utility>

#include "proto/contract/limits.h"
#include "service/channel/encoding.h"

namespace herald::core {
namespace {

v1::Subscribed SubscribedAt(const Position& position) {
  v1::Subscribed subscribed;
  subscribed.set_epoch(position.epoch);
  subscribed.set_offset(position.offset);
  return subscribed;
}

}  // namespace

int64_t Fanout::Publish(const PublicationPtr& publication) {
  ChannelShard& shard = table_->ShardOf(publication->channel);
  shard.mu.AssertHeld();
  int64_t subscribers = 0;
  int64_t gateways = 0;
  bool whisper_lost = false;
  const auto channel = shard.channels.find(publication->channel);
  if (channel != shard.channels.end()) {
    subscribers = channel->second.subscriber_count;
    for (const Interest& interest : channel->second.interests) {
      const SinkPtr& sink = interest.peer->sink;
      if (publication->whisper) {
        whisper_lost |=
            !EnqueueWhisperIn(shard, sink, publication->LinkChunk());
      } else {
        EnqueueIn(shard, sink, publication->LinkChunk());
      }
      ++gateways;
    }
  }
  const auto watches = shard.watches.find(publication->channel);
  if (watches != shard.watches.end()) {
    for (const SinkPtr& sink : watches->second) {
      if (publication->whisper) {
        EnqueueWhisperIn(shard, sink, publication->WatchChunk());
      } else {
        EnqueueIn(shard, sink, publication->WatchChunk());
      }
    }
  }
  if (whisper_lost) {
    link::v1::Congestion congestion;
    congestion.set_socket_id(publication->except_socket_id);
    congestion.set_bytes(static_cast<int64_t>(publication->data.size()));
    congestion_->OnCongestion(congestion, *shard.flushes);
  }
  observer_->OnPublished(
      {.channel = publication->channel,
       .event = publication->event,
       .whisperer = publication->whisper ? publication->except_socket_id : "",
       .bytes = static_cast<int64_t>(publication->data.size()),
       .subscribers = subscribers,
       .gateways = gateways});
  return subscribers;
}

void Fanout::AddMember(absl::string_view channel, const v1::Member& member) {
  v1::ServerMessage message = MemberAddedOf(channel, member);
  link::v1::ServiceItem item;
  *item.mutable_member_added() = message.member_added();
  SendMember(channel, std::move(item), std::move(message));
}

void Fanout::RemoveMember(absl::string_view channel,
                          absl::string_view user_id) {
  v1::ServerMessage message;
  v1::MemberRemoved& removed = *message.mutable_member_removed();
  removed.set_channel(std::string(channel));
  removed.set_user_id(std::string(user_id));
  link::v1::ServiceItem item;
  *item.mutable_member_removed() = removed;
  SendMember(channel, std::move(item), std::move(message));
}

void Fanout::SendMember(absl::string_view channel, link::v1::ServiceItem item,
                        v1::ServerMessage message) {
  ChannelShard& shard = table_->ShardOf(channel);
  shard.mu.AssertHeld();
  if (!shard.settled) return;
  TellIn(
      shard, channel, [&] { return EncodeItem(std::move(item)); },
      [&] { return std::vector<Chunk>{EncodeWatch(std::move(message))}; },
      &EnqueueMembersIn);
}

void Fanout::SendPosition(ChannelShard& shard, absl::string_view channel,
                          const Position& position, bool lost) {
  const auto item = [&] {
    return EncodeItem(NewPosition(channel, position, lost));
  };
  const auto messages = [&] {
    v1::Subscribed subscribed = SubscribedAt(position);
    if (lost) subscribed.set_recovered(false);
    return WatchBeginning(channel, std::move(subscribed));
  };
  TellIn(shard, channel, item, messages, &EnqueueStateIn);
}

void Fanout::SendRoster(ChannelShard& shard, absl::string_view channel,
                        const Position& position) {
  if (!shard.settled) return;
  const auto item = [&] { return RosterItem(channel); };
  const auto messages = [&] {
    return WatchBeginning(channel, SubscribedAt(position));
  };
  TellIn(shard, channel, item, messages, &EnqueueStateIn);
}

link::v1::Roster Fanout::RosterOf(absl::string_view channel) const {
  link::v1::Roster roster;
  roster.set_channel(std::string(channel));
  for (v1::PresentMember& present : rosters_->Members(channel)) {
    v1::Member& member = *roster.add_members();
    member.set_user_id(std::move(*present.mutable_user_id()));
    member.set_user_info(std::move(*present.mutable_user_info()));
  }
  return roster;
}

Chunk Fanout::RosterItem(absl::string_view channel) const {
  link::v1::ServiceItem item;
  *item.mutable_roster() = RosterOf(channel);
  return EncodeItem(std::move(item));
}

std::vector<Chunk> Fanout::WatchBeginning(absl::string_view channel,
                                          v1::Subscribed subscribed) const {
  subscribed.set_channel(std::string(channel));
  std::vector<Chunk> chunks(1);
  int64_t bytes = 0;
  link::v1::Roster roster = RosterOf(channel);
  for (v1::Member& member : *roster.mutable_members()) {
    bytes += static_cast<int64_t>(member.ByteSizeLong()) + kFieldBytesMax;
    if (bytes <= contract::kAnswerBytesMax) {
      *subscribed.add_members() = std::move(member);
    } else {
      chunks.push_back(EncodeWatch(MemberAddedOf(channel, std::move(member))));
    }
  }
  v1::ServerMessage message;
  *message.mutable_subscribed() = std::move(subscribed);
  chunks.front() = EncodeWatch(std::move(message));
  return chunks;
}

}  // namespace herald::core
