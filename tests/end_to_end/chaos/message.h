// SPDX-License-Identifier: Apache-2.0
//
// The messages of publishers: numbered, and with every byte determined by the
// number, so that one that was cut, mixed up or made up is found.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_MESSAGE_H_
#define HERALD_TESTS_END_TO_END_CHAOS_MESSAGE_H_

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace herald::chaos {

// One message. A publisher counts its own from 1, over all channels.
struct MessageId {
  int64_t publisher = 0;
  int64_t number = 0;

  friend auto operator<=>(const MessageId&, const MessageId&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const MessageId& id) {
    return H::combine(std::move(state), id.publisher, id.number);
  }
};

// Publishers with numbers from here to the end send larger messages, so that a
// client that does not read lags behind soon.
inline constexpr int64_t kFeedFirst = 500;
inline constexpr int64_t kFeedEnd = 600;

// For reports: `3/17`.
std::string ToString(const MessageId& id);

// Its data: a JSON string without escapes, most of it short, some of a few
// kilobytes; of feeds all are.
std::string DataOf(const MessageId& id);

// The opposite.
//
// Failure: not exactly the data of any message.
MessageId ParseData(absl::string_view data);

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_MESSAGE_H_
