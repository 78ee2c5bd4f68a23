// SPDX-License-Identifier: Apache-2.0
//
// One encoded WebSocket message on its way to sockets.
//
// A server's frames are not masked (RFC 6455 section 5.1), so the bytes are the
// same for every socket: encoded once, shared, never changed.
//
// Two handles, for two distances. FrameBytes crosses threads; its count is
// atomic. Frame stays on one loop and counts without atomics, for a broadcast
// makes one copy of it per socket.

#ifndef HERALD_GATEWAY_PROTOCOL_FRAME_H_
#define HERALD_GATEWAY_PROTOCOL_FRAME_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace herald::gateway {

// Header and payload of one message, ready for the wire.
using FrameBytes = std::shared_ptr<const std::string>;

// A final text frame (RFC 6455 section 5.2) around `payload`.
FrameBytes EncodeTextFrame(absl::string_view payload);

// The payload of what EncodeTextFrame() has made.
absl::string_view PayloadOf(absl::string_view frame);

// What a frame is of a channel whose slow listeners get the latest event only
// (SLOW_CONSUMER_DROP_TO_LATEST). Other frames are never dropped.
struct Droppable {
  enum class Kind {
    kEvent,     // Dropped where a later one waits, or comes.
    kWhisper,   // Dropped always: it is no state.
    kPosition,  // A `subscribed` that says what was dropped before an event.
  };
  Kind kind = Kind::kEvent;
  std::string channel;
  // Events with a place in a history: makes the `subscribed` for whoever does
  // not get what was said before this one. Threads: any.
  std::function<FrameBytes()> lost;
};

// Where a whisper is from. Threads: any.
struct WhisperOrigin {
  std::string socket_id;
  int64_t bytes = 0;                     // Of its data.
  std::atomic<bool> is_reported{false};  // A reader had no room for it.
};

// A loop's handle on FrameBytes. Threads: one, for all copies.
class Frame {
 public:
  Frame() = default;
  explicit Frame(FrameBytes bytes,
                 std::shared_ptr<const Droppable> droppable = nullptr,
                 std::shared_ptr<WhisperOrigin> whisper = nullptr)
      : shared_(new Shared{1, *bytes, std::move(bytes), std::move(droppable),
                           std::move(whisper)}) {}
  // The last ones of several messages behind each other, from a byte on.
  Frame(FrameBytes bytes, size_t from)
      : shared_(new Shared{1, absl::string_view(*bytes).substr(from),
                           std::move(bytes), nullptr, nullptr}) {}
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

  // REQUIRES: not default-constructed or moved from.
  absl::string_view bytes() const { return shared_->view; }
  size_t size() const { return shared_->view.size(); }
  // nullptr for a frame that must not be dropped.
  const Droppable* droppable() const { return shared_->droppable.get(); }
  // nullptr for a frame that is no whisper.
  WhisperOrigin* whisper() const { return shared_->whisper.get(); }

 private:
  struct Shared {
    int64_t count;
    absl::string_view view;  // Of `bytes`.
    FrameBytes bytes;
    std::shared_ptr<const Droppable> droppable;
    std::shared_ptr<WhisperOrigin> whisper;
  };
  Shared* shared_ = nullptr;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_FRAME_H_
