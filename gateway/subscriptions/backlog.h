// SPDX-License-Identifier: Apache-2.0
//
// The events of a large channel that some of its subscribers lack. Each event
// is stored once, and the bytes of all of them follow each other. So one
// send(2) writes a subscriber all events that it lacks.
//
// Positions count a channel's events. They wrap; their differences do not.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_SUBSCRIPTIONS_BACKLOG_H_
#define HERALD_GATEWAY_SUBSCRIPTIONS_BACKLOG_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gateway/socket/frame.h"

namespace herald::gateway {

class Backlog {
 public:
  struct Entry {
    Frame frame;
    uint64_t except_socket = 0;  // The second part of its id; 0: none.
    size_t begin = 0;            // Of its bytes, in those of the backlog.
  };

  // Empty, at the position that `begin` names.
  explicit Backlog(uint32_t begin) : first_(begin), pass_end_(begin) {}

  void Append(Frame frame, uint64_t except_socket);

  // The position behind the last event.
  uint32_t end() const {
    return first_ + static_cast<uint32_t>(events_.size());
  }
  bool empty() const { return events_.empty(); }
  size_t size_bytes() const { return bytes_.size(); }

  // The events behind `position`; valid until the backlog is changed.
  absl::Span<const Entry> EventsFrom(uint32_t position) const;
  absl::string_view BytesFrom(uint32_t position) const;

  // Whether one of the events from `position` on is not for the socket.
  bool Excepts(uint32_t position, uint64_t socket) const;

  // A pass visits the subscribers in the order of their array, and gives each
  // all that there is then. The events that were there when it began are not
  // needed when it has ended. ------------------------------------------------

  // How many the pass has visited.
  size_t visited() const { return visited_; }

  // One more is visited.
  void Visit() {
    if (visited_++ == 0) pass_end_ = end();
  }

  // There are only `count` subscribers any more.
  void Shrink(size_t count) {
    if (visited_ > count) visited_ = count;
  }

  // Returns how many events are not needed any more.
  size_t EndPass();

  // All subscribers have all events, visited in this pass or not.
  void Clear();

 private:
  void DropBefore(uint32_t position);

  std::vector<Entry> events_;
  std::string bytes_;
  uint32_t first_;         // The position of the first event.
  size_t exceptions_ = 0;  // Events that are not for all.
  size_t visited_ = 0;
  uint32_t pass_end_;  // end() when the pass began.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SUBSCRIPTIONS_BACKLOG_H_
