// SPDX-License-Identifier: Apache-2.0
//
// A message to a listener: for a browser JSON text (proto/WEBSOCKET.md), for a
// Watch a message. Both become the same value, so that one set of rules judges
// both.
//
// Failure: a message that the contract does not have. Fields that it requires
// must be there.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_FRAME_H_
#define HERALD_TESTS_END_TO_END_CHAOS_FRAME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "herald/v1/server_message.pb.h"

namespace herald::chaos {

struct Frame {
  enum class Kind {
    kConnected,
    kSubscribed,
    kSubscriptionError,
    kUnsubscribed,
    kEvent,
    kMemberAdded,
    kMemberRemoved,
    kPong,
    kError,
  };

  Kind kind = Kind::kError;
  std::string channel;
  std::string socket_id;  // kConnected.
  std::string text;       // The text of an error; a reason.
  std::string code;       // kSubscriptionError.

  // kSubscribed; `offset` of kEvent, too. 0: it was not there.
  std::string epoch;
  int64_t offset = 0;
  bool has_offset = false;
  std::optional<bool> recovered;

  // kEvent: JSON text.
  std::string data;
  bool is_whisper = false;

  // kSubscribed on presence channels; the changes have one.
  std::vector<std::string> users;
};

Frame ParseFrame(absl::string_view text);

Frame ToFrame(const v1::ServerMessage& message);

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_FRAME_H_
