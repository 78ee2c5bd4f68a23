// SPDX-License-Identifier: Apache-2.0
//
// Caches the last `subscribed` of a presence channel for sockets that get an
// equal answer. The answer carries the whole roster, so it is encoded once for
// all of them. The cache holds it only while a delivery does: an idle channel
// has no second copy of its roster.
//
// Threads: not thread-safe; the owner locks.

#ifndef HERALD_GATEWAY_CHANNELS_ROSTER_ANSWER_H_
#define HERALD_GATEWAY_CHANNELS_ROSTER_ANSWER_H_

#include <memory>

#include "gateway/protocol/encoded_message.h"
#include "gateway/protocol/server_message.h"

namespace herald::gateway {

class RosterAnswer {
 public:
  // Returns the last answer if it equals `answer`, else `answer`.
  EncodedMessagePtr Get(SubscribedMessage answer);

 private:
  std::weak_ptr<const EncodedMessage> last_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CHANNELS_ROSTER_ANSWER_H_
