// SPDX-License-Identifier: Apache-2.0
//
// Enqueues a channel's events in the sinks of its listeners: the links of
// gateways and the Watches of backends.
//
// Threads: with the channel's shard locked.

#ifndef HERALD_SERVICE_CHANNEL_FANOUT_H_
#define HERALD_SERVICE_CHANNEL_FANOUT_H_

#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/server_message.pb.h"
#include "service/channel/channel_table.h"
#include "service/channel/observer.h"
#include "service/channel/position.h"
#include "service/channel/publication.h"
#include "service/channel/rosters.h"
#include "service/channel/sink.h"

namespace herald::core {

// Port: slows the senders of whispers down.
class CongestionListener {
 public:
  virtual ~CongestionListener() = default;

  // A whisper was dropped because a link or a gateway is congested. Items for
  // its sender are enqueued now and flushed by `flushes`. Called with or
  // without a shard locked.
  virtual void OnCongestion(const link::v1::Congestion& congestion,
                            FlushList& flushes) = 0;
};

class Fanout {
 public:
  // All outlive the object.
  Fanout(ChannelTable* table, const Rosters* rosters, ServiceObserver* observer,
         CongestionListener* congestion)
      : table_(table),
        rosters_(rosters),
        observer_(observer),
        congestion_(congestion) {}

  // Returns how many sockets of this service are subscribed.
  int64_t Publish(const PublicationPtr& publication);

  // A user has joined or left. Not sent while the service starts: all gateways
  // receive a roster when the start is over.
  void AddMember(absl::string_view channel, const v1::Member& member);
  void RemoveMember(absl::string_view channel, absl::string_view user_id);

  // The channel's history begins at `position`, or has ended if `position` is
  // empty. `lost`: earlier events may not have been sent.
  void SendPosition(ChannelShard& shard, absl::string_view channel,
                    const Position& position, bool lost)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Sends all current members at once. `position` is the channel's.
  void SendRoster(ChannelShard& shard, absl::string_view channel,
                  const Position& position)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // The members as gateways receive them, and the same as an item of the link.
  link::v1::Roster RosterOf(absl::string_view channel) const;
  Chunk RosterItem(absl::string_view channel) const;

  // The first messages of a Watch: `subscribed` with the first
  // contract::kAnswerBytesMax of members, and `member_added` for the others.
  std::vector<Chunk> WatchBeginning(absl::string_view channel,
                                    v1::Subscribed subscribed) const;

 private:
  void SendMember(absl::string_view channel, link::v1::ServiceItem item,
                  v1::ServerMessage message);

  ChannelTable* const table_;
  const Rosters* const rosters_;
  ServiceObserver* const observer_;
  CongestionListener* const congestion_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_FANOUT_H_
