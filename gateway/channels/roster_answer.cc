// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/roster_answer.h"

#include <utility>
#include <variant>

namespace herald::gateway {
namespace {

bool IsSame(const SubscribedMessage& a, const SubscribedMessage& b) {
  // Every change of members makes a new snapshot.
  if (a.members != b.members || a.recovered != b.recovered) return false;
  if (a.position.has_value() != b.position.has_value()) return false;
  return !a.position.has_value() ||
         (a.position->epoch() == b.position->epoch() &&
          a.position->offset() == b.position->offset());
}

}  // namespace

EncodedMessagePtr RosterAnswer::Get(SubscribedMessage answer) {
  if (EncodedMessagePtr last = last_.lock()) {
    if (IsSame(std::get<SubscribedMessage>(last->message()), answer)) {
      return last;
    }
  }
  EncodedMessagePtr next = ShareMessage(std::move(answer));
  last_ = next;
  return next;
}

}  // namespace herald::gateway
