// SPDX-License-Identifier: Apache-2.0
//
// The presence channel of several suites.

#ifndef HERALD_TESTS_END_TO_END_ROOM_H_
#define HERALD_TESTS_END_TO_END_ROOM_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace herald::end_to_end {

inline constexpr char kRoom[] = "presence-room";

// A member of the room has left.
inline std::string RemovedOf(absl::string_view user) {
  return absl::StrCat(R"({"type":"member_removed","channel":")", kRoom,
                      R"(","user_id":")", user, "\"}");
}

}  // namespace herald::end_to_end

#endif  // HERALD_TESTS_END_TO_END_ROOM_H_
