// SPDX-License-Identifier: Apache-2.0
//
// The library's plain structs to the messages of the wire, and back.

#ifndef HERALD_CLIENTS_CPP_CONVERT_H_
#define HERALD_CLIENTS_CPP_CONVERT_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "herald/client/outgoing_event.h"
#include "herald/v1/broadcast_service.pb.h"

namespace herald::client {

// OK if the wire can carry the event. The service checks the grammar.
absl::Status CheckEvent(const OutgoingEvent& event);

// The cost of the event against a bound on bytes: its texts and a little more,
// so that empty ones are bounded too.
int64_t BytesOf(const OutgoingEvent& event);

// REQUIRES: CheckEvent() is OK.
v1::BroadcastRequest ToRequest(OutgoingEvent event);

// As the service sent them; not checked against the event.
std::vector<Receipt> ToReceipts(const v1::BroadcastResponse& response);

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_CONVERT_H_
