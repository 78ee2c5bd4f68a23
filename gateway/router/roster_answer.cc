// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/roster_answer.h"

namespace herald::gateway {

FrameBytes RosterAnswer::Get(
    const Roster::JsonPtr& members, const v1::Position* position,
    std::optional<bool> recovered,
    absl::FunctionRef<FrameBytes(const std::string* members)> encode) {
  const std::string epoch = position == nullptr ? "" : position->epoch();
  const int64_t offset = position == nullptr ? 0 : position->offset();
  FrameBytes frame = frame_.lock();
  // The text of the members is made anew whenever one of them changes.
  if (frame != nullptr && members_.lock() == members && epoch_ == epoch &&
      offset_ == offset && recovered_ == recovered) {
    return frame;
  }
  frame = encode(members.get());
  frame_ = frame;
  members_ = members;
  epoch_ = epoch;
  offset_ = offset;
  recovered_ = recovered;
  return frame;
}

}  // namespace herald::gateway
