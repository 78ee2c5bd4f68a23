// SPDX-License-Identifier: Apache-2.0
//
// The rates of one socket over time, and when it is not read for a while.
//
// Limits on queues bound a gateway's memory, and at such a bound a reader is
// cut, seldom the sender. So each socket also has rates, and its whispers have
// a window: those in flight, which have not returned from the service yet. A
// socket beyond its share is read later, and TCP holds its client back.
//
// Memory: two buckets; the rest is there from the first whisper on, and for
// readers that fell behind whispers.
//
// Threads: its socket's loop.

#ifndef HERALD_GATEWAY_SOCKET_CLIENT_FLOW_H_
#define HERALD_GATEWAY_SOCKET_CLIENT_FLOW_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gateway/protocol/observer.h"
#include "proto/contract/token_bucket.h"

namespace herald::gateway {

// Bytes of whispers of one socket, and how many it may send at once.
inline constexpr int64_t kWhisperBytesPerSecond = 1 << 20;
inline constexpr int64_t kWhisperBurstBytes = 1 << 20;

// Bytes of answers to subscribes: rosters, and events that were missed. The
// burst holds the largest roster (contract::kMembersBytesMax).
inline constexpr int64_t kAnswerBytesPerSecond = 1 << 20;
inline constexpr int64_t kAnswerBurstBytes = 16 << 20;

// The client has the answer to a repeated subscribe already, so its bytes count
// more often.
inline constexpr int64_t kRepeatedAnswerWeight = 8;

// High and low watermark of whispers in flight, in bytes, and how long the
// window waits for their return. They do not return if the link ends, or if the
// socket has left their channel.
inline constexpr int64_t kWhisperWindowBytes = 256 << 10;
inline constexpr int64_t kWhisperWindowLow = kWhisperWindowBytes / 2;
inline constexpr absl::Duration kWhisperWindowPatience = absl::Seconds(1);

// The bytes of whispers that a sender may send per second while readers drop
// them, and the bounds of one pause. Small whispers hardly pause, or
// one hostile reader would slow all senders.
inline constexpr int64_t kCongestedBytesPerSecond = 256 << 10;
inline constexpr absl::Duration kCongestionPauseMin = absl::Milliseconds(50);
inline constexpr absl::Duration kCongestionPauseMax = absl::Seconds(1);

// For how long a reader that drops whispers slows their senders. One that drops
// them for longer reads too slowly by itself.
inline constexpr absl::Duration kSlowReaderPatience = absl::Seconds(2);

// The rates of all sockets of a gateway; without limits by default.
struct ClientRates {
  ClientRates() = default;
  // Messages and whispers per second; 0: unlimited, which also lifts the limit
  // on the bytes of whispers. A reconnect subscribes to everything again, so
  // the burst of messages is twice the limit of subscriptions.
  ClientRates(int64_t message_rate, int64_t whisper_rate,
              int64_t subscriptions_max);

  contract::TokenRate messages;
  contract::TokenRate whispers;
  contract::TokenRate whisper_bytes;
  contract::TokenRate answer_bytes{kAnswerBytesPerSecond, kAnswerBurstBytes};
};

class ClientFlow {
 public:
  // A message was read; or so many control frames, or fragments that end no
  // message, which cost as much. Returns true if reading has to pause now.
  bool OnMessage(const ClientRates& rates, absl::Time now) {
    return OnFrames(rates, 1, now);
  }
  bool OnFrames(const ClientRates& rates, int64_t count, absl::Time now);

  // `bytes` of an answer to a subscribe were sent.
  void OnAnswer(const ClientRates& rates, int64_t bytes, absl::Time now);

  // Takes the tokens of a whisper. RESOURCE_EXHAUSTED, with a sentence for the
  // client, if there are none.
  absl::Status TakeWhisper(const ClientRates& rates, int64_t bytes,
                           absl::Time now);

  // OnWhisperSent(): a whisper was sent; returns true if reading has to pause
  // now. OnWhisperBack(): it has returned from the service.
  bool OnWhisperSent(int64_t bytes, absl::Time now);
  void OnWhisperBack(int64_t bytes);

  // A reader, here or at another gateway, has dropped a whisper of this
  // socket. Counts for no more bytes than the socket has sent of late.
  void OnCongestion(int64_t bytes, absl::Time now);

  // This socket, as a reader, has queued a whisper (OnWhisperTaken()) or
  // dropped it (OnWhisperDropped(), which returns true if the sender should be
  // slowed down).
  void OnWhisperTaken();
  bool OnWhisperDropped(absl::Time now);

  // From when on the socket may be read, and the limit that decides it.
  struct Pause {
    absl::Time until = absl::InfinitePast();
    RateLimit why = RateLimit::kMessages;
    // From when on the limit on messages allows reading: until then, the rest
    // of a message is not read either.
    absl::Time messages_until = absl::InfinitePast();
  };
  Pause PauseAt(const ClientRates& rates, absl::Time now);

 private:
  struct WhisperFlow {
    contract::TokenBucket count;
    contract::TokenBucket bytes;
    int64_t window_bytes = 0;                        // Sent, and not back.
    absl::Time window_until = absl::InfinitePast();  // While it is full.
    int64_t recent_bytes = 0;  // Sent, and not held against it yet.
    absl::Time congested_until = absl::InfinitePast();
    absl::Time no_room_since = absl::InfiniteFuture();  // As a reader.
  };

  WhisperFlow& whispers();

  contract::TokenBucket messages_;
  contract::TokenBucket answers_;
  std::unique_ptr<WhisperFlow> whispers_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SOCKET_CLIENT_FLOW_H_
