// SPDX-License-Identifier: Apache-2.0
//
// The messages of one channel that recovering sockets have missed. All of these
// sockets share one byte string per dialect, and each gets the suffix behind
// its position.
//
// Threads: any.

#ifndef HERALD_GATEWAY_PROTOCOL_MISSED_MESSAGES_H_
#define HERALD_GATEWAY_PROTOCOL_MISSED_MESSAGES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "gateway/protocol/channel_message.h"
#include "gateway/protocol/dialect.h"
#include "gateway/protocol/text_frame.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

class MissedMessages {
 public:
  struct Numbered {
    int64_t offset = 0;
    ChannelMessagePtr message;
  };

  // REQUIRES: sorted by offset.
  explicit MissedMessages(std::vector<Numbered> all);
  MissedMessages(const MissedMessages&) = delete;
  MissedMessages& operator=(const MissedMessages&) = delete;

  // A suffix of shared frames, from a byte on.
  struct Part {
    FrameBytes frames;
    size_t from = 0;

    size_t size() const {
      return frames == nullptr ? 0 : frames->size() - from;
    }
  };

  // The frames of all messages behind the offset `since`, for one socket.
  // Leaves out messages that except the socket.
  Part For(const Dialect& dialect, int64_t since, uint64_t socket) const;

  // Their approximate size in any dialect (MessageBytes()).
  int64_t BytesSince(int64_t since) const;

 private:
  struct MissedFrames {
    contract::Once once;
    FrameBytes frames;
    std::vector<size_t> begins;  // Of each message in `frames`.
  };

  // The index of the first message behind `since`.
  size_t FirstBehind(int64_t since) const;
  const MissedFrames& FramesFor(const Dialect& dialect) const;

  const std::vector<Numbered> all_;
  std::vector<int64_t> bytes_from_;  // From each message on; 0 at the end.
  absl::flat_hash_set<uint64_t> excepted_;  // Sockets that are excepted.
  mutable std::array<MissedFrames, kDialectsMax> by_dialect_;
};

using MissedMessagesPtr = std::shared_ptr<const MissedMessages>;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_MISSED_MESSAGES_H_
