// SPDX-License-Identifier: Apache-2.0
//
// Puts what happens on a channel into the sinks of all that listen to it: the
// links of gateways and the Watches of backends.
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

  // A link or a gateway has no room for a whisper. `flushes` flushes what is
  // enqueued for its sender. Called with or without a shard locked.
  virtual void OnCongestion(const link::v1::Congestion& congestion,
                            FlushList& flushes) = 0;
};

class Fanout {
 public:
  // All outlive the object.
  Fanout(ChannelTable* table, const Rosters* rosters, Observer* observer,
         CongestionListener* congestion)
      : table_(table),
        rosters_(rosters),
        observer_(observer),
        congestion_(congestion) {}

  // Returns how many sockets of this service are subscribed.
  int64_t Publish(const PublicationPtr& publication);

  // A user has joined or left. Not sent while the service starts, for all get a
  // roster when the start is over.
  void AddMember(absl::string_view channel, const v1::Member& member);
  void RemoveMember(absl::string_view channel, absl::string_view user_id);

  // The channel's history begins at `position`, or has ended if that is empty.
  // `lost`: events before it may not have been sent.
  void SendPosition(Shard& shard, absl::string_view channel,
                    const Position& position, bool lost)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // All members at once, as they are now. `position` is the channel's.
  void SendRoster(Shard& shard, absl::string_view channel,
                  const Position& position)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // The members as a gateway receives them.
  link::v1::Roster RosterOf(absl::string_view channel) const;
  // The same as an item of the link.
  Chunk RosterItem(absl::string_view channel) const;

  // What a Watch begins with: `subscribed` with the first
  // contract::kAnswerBytesMax of members, and `member_added` for the others.
  std::vector<Chunk> WatchBeginning(absl::string_view channel,
                                    v1::Subscribed subscribed) const;

 private:
  void SendMember(absl::string_view channel, link::v1::ServiceItem item,
                  v1::ServerMessage message);

  ChannelTable* const table_;
  const Rosters* const rosters_;
  Observer* const observer_;
  CongestionListener* const congestion_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_FANOUT_H_
