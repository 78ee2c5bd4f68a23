// SPDX-License-Identifier: Apache-2.0
//
// A message for the subscribers of a channel: an event, a member change or a
// new position. All loops share it. It is immutable, except for the mark of a
// congested whisper.

#ifndef HERALD_GATEWAY_PROTOCOL_CHANNEL_MESSAGE_H_
#define HERALD_GATEWAY_PROTOCOL_CHANNEL_MESSAGE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "gateway/protocol/encoded_message.h"
#include "proto/contract/channel_key.h"

namespace herald::gateway {

// How a message may be dropped on a channel where slow subscribers get the
// latest event only (SLOW_CONSUMER_DROP_TO_LATEST). Others are never dropped.
struct Droppable {
  enum class Kind {
    kEvent,     // Dropped when a later one of the channel is enqueued.
    kWhisper,   // Always dropped: it carries no state.
    kPosition,  // The `lost` of an event.
  };
  Kind kind = Kind::kEvent;
  contract::ChannelKey channel;
  // Events with history: the `subscribed` with `recovered: false`, for clients
  // that miss the events before this one.
  EncodedMessagePtr lost = nullptr;
};

// The sender of a whisper.
struct WhisperOrigin {
  std::string socket_id;
  int64_t bytes = 0;                     // Of its data.
  std::atomic<bool> is_reported{false};  // As congested.
};

struct ChannelMessage {
  contract::ChannelKey channel;
  EncodedMessagePtr message;
  uint64_t except_socket = 0;  // The second part of a socket id; 0: none.
  int64_t published_us = 0;    // 0 for all but events: not measured.
  std::shared_ptr<const Droppable> droppable = nullptr;
  std::shared_ptr<WhisperOrigin> whisper = nullptr;
};
using ChannelMessagePtr = std::shared_ptr<const ChannelMessage>;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_CHANNEL_MESSAGE_H_
