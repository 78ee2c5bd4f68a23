// SPDX-License-Identifier: Apache-2.0
//
// The deliveries of the router to shards: the only values that cross from the
// link's thread to the loops. The order of a batch is the order of the link.

#ifndef HERALD_GATEWAY_CHANNELS_DELIVERY_H_
#define HERALD_GATEWAY_CHANNELS_DELIVERY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "gateway/protocol/channel_message.h"
#include "gateway/protocol/encoded_message.h"
#include "gateway/protocol/missed_messages.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/channel_key.h"
#include "proto/contract/channel_rules.h"

namespace herald::gateway {

// Allows a subscribe. The subscription is already counted: a shard that does
// not know the ticket any more must unsubscribe it.
struct Confirmed {
  int64_t ticket = 0;
  contract::ChannelKey channel;
  std::string socket_id;
  std::string user_id;     // Empty if no user was named.
  bool is_member = false;  // On a presence channel.
  absl::Duration expires_after = absl::InfiniteDuration();
  bool renewable = false;
  EncodedMessagePtr subscribed;  // The answer to the client.
  // If set, the answer for a socket that recovers, followed by `missed` behind
  // the offset `since`. If that does not fit into the outbox, it gets
  // `subscribed`, whose `recovered` is false.
  EncodedMessagePtr recovered;
  MissedMessagesPtr missed;
  int64_t since = 0;
  bool asked_to_recover = false;
  int64_t user_info_bytes = 0;  // Of a member; sent to all others.

  // `subscribed`, plus the missed messages, plus the weighted user_info. The
  // weight limits sockets that join and leave in a loop: each join sends up to
  // 16 KiB to every member.
  int64_t answer_bytes() const {
    constexpr int64_t kAnnouncedWeight = 16;
    return subscribed->bytes() +
           (missed == nullptr ? 0 : missed->BytesSince(since)) +
           kAnnouncedWeight * user_info_bytes;
  }
};

// The item that ends a confirmed subscription.
link::v1::Unsubscribe EndOf(const Confirmed& confirmed);

// Refuses a subscribe.
struct Refused {
  int64_t ticket = 0;
  link::v1::Refused::Code code = link::v1::Refused::CODE_UNSPECIFIED;
  std::string reason;
  int64_t link_bytes = 0;  // Of a roster whose subscribe was cancelled.
};

struct Renewed {
  int64_t ticket = 0;
  link::v1::Renewed::Outcome outcome = link::v1::Renewed::OUTCOME_UNDECIDED;
  absl::Duration expires_after = absl::InfiniteDuration();
  std::string reason;
};

struct RenewAll {};

// The answer to a repeated subscribe of the socket with that number.
struct SubscribedAgain {
  uint64_t socket = 0;
  int64_t ticket = 0;
  EncodedMessagePtr subscribed;
};

// The answer to a question about the socket with that number.
struct SocketAnswered {
  uint64_t socket = 0;
  int64_t ticket = 0;
  std::optional<v1::Member> user;  // On a yes to a sign-in.
  // On a no.
  link::v1::Refused::Code code = link::v1::Refused::CODE_UNSPECIFIED;
  std::string reason;
};

// A whisper of `bytes` bytes from the socket with that number did not fit into
// readers' outboxes.
struct Congested {
  uint64_t socket = 0;
  int64_t bytes = 0;
};

// New settings and their rules, in force from here on. Every shard acknowledges
// them.
struct NewSettings {
  std::shared_ptr<const link::v1::Settings> settings;
  contract::ChannelRulesPtr rules;
};

using Delivery =
    std::variant<ChannelMessagePtr, Confirmed, Refused, Renewed, RenewAll,
                 SubscribedAgain, SocketAnswered, Congested, NewSettings,
                 v1::Revocation, link::v1::Call>;

// The approximate memory that a delivery keeps allocated. Data shared by shards
// counts for each of them.
int64_t DeliveryBytes(const Delivery& delivery);

// Port: the inbox of a shard's loop.
class ShardInbox {
 public:
  virtual ~ShardInbox() = default;

  // Runs Shard::Deliver() on the loop, with `batch` behind all earlier ones.
  // Threads: any. The router is locked, so Post() must not call it.
  virtual void Post(std::vector<Delivery> batch) = 0;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CHANNELS_DELIVERY_H_
