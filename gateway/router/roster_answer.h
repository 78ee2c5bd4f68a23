// SPDX-License-Identifier: Apache-2.0
//
// The last `subscribed` of a presence channel, for the next socket that is
// answered the same. It carries the whole roster, so it is encoded once for all
// sockets. It is kept only while it is on its way to one: an idle channel has
// no second copy of its roster.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_GATEWAY_ROUTER_ROSTER_ANSWER_H_
#define HERALD_GATEWAY_ROUTER_ROSTER_ANSWER_H_

#include <memory>

#include "gateway/protocol/encoded_message.h"
#include "gateway/protocol/server_message.h"

namespace herald::gateway {

class RosterAnswer {
 public:
  // `answer`, or the last one if that is the same.
  EncodedMessagePtr Get(SubscribedMessage answer);

 private:
  std::weak_ptr<const EncodedMessage> last_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ROSTER_ANSWER_H_
