// SPDX-License-Identifier: Apache-2.0
//
// A loop's handle on frames that wait for sockets. FrameBytes crosses threads,
// and its count is atomic. A Frame stays on one loop and counts without
// atomics, because a broadcast copies it once per socket.
//
// Threads: one, for all copies.

#ifndef HERALD_GATEWAY_SOCKET_FRAME_H_
#define HERALD_GATEWAY_SOCKET_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "gateway/protocol/channel_message.h"
#include "gateway/protocol/dialect.h"
#include "gateway/protocol/text_frame.h"

namespace herald::gateway {

class Frame {
 public:
  Frame() = default;
  // The frames from a byte on.
  explicit Frame(FrameBytes bytes, size_t from = 0)
      : Frame(std::move(bytes), from, nullptr, nullptr, nullptr) {}
  // A message of a channel for clients of `dialect`, which outlives it.
  Frame(const ChannelMessage& message, const Dialect& dialect)
      : Frame(message.message->For(dialect), 0, &dialect, message.droppable,
              message.whisper) {}
  Frame(const Frame& other) : shared_(other.shared_) {
    if (shared_ != nullptr) ++shared_->count;
  }
  Frame(Frame&& other) noexcept
      : shared_(std::exchange(other.shared_, nullptr)) {}
  Frame& operator=(Frame other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~Frame() {
    if (shared_ != nullptr && --shared_->count == 0) delete shared_;
  }

  // REQUIRES, of all below: not default-constructed or moved from.
  absl::string_view bytes() const { return shared_->view; }
  size_t size() const { return shared_->view.size(); }
  // nullptr for a frame that must not be dropped.
  const Droppable* droppable() const { return shared_->droppable.get(); }
  // nullptr for a frame that is no whisper.
  WhisperOrigin* whisper() const { return shared_->whisper.get(); }

  // The frame that notifies the client that it does not get the events before
  // this one. Empty if its dialect has none.
  // REQUIRES: droppable()->lost is set.
  Frame LostBefore() const {
    const Dialect* const dialect = shared_->dialect;
    return Frame(shared_->droppable->lost->For(*dialect), 0, dialect,
                 std::make_shared<const Droppable>(Droppable{
                     Droppable::Kind::kPosition, shared_->droppable->channel}),
                 nullptr);
  }

 private:
  Frame(FrameBytes bytes, size_t from, const Dialect* dialect,
        std::shared_ptr<const Droppable> droppable,
        std::shared_ptr<WhisperOrigin> whisper)
      : shared_(new Shared{1, absl::string_view(*bytes).substr(from),
                           std::move(bytes), dialect, std::move(droppable),
                           std::move(whisper)}) {}

  struct Shared {
    int64_t count;
    absl::string_view view;  // Of `bytes`.
    FrameBytes bytes;
    const Dialect* dialect;  // Of a droppable one.
    std::shared_ptr<const Droppable> droppable;
    std::shared_ptr<WhisperOrigin> whisper;
  };
  Shared* shared_ = nullptr;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SOCKET_FRAME_H_
