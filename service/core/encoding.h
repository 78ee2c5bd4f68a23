// SPDX-License-Identifier: Apache-2.0
//
// Turns messages into chunks (sink.h). Pure.

#ifndef HERALD_SERVICE_CORE_ENCODING_H_
#define HERALD_SERVICE_CORE_ENCODING_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/broadcast_service.pb.h"
#include "service/core/history.h"
#include "service/core/sink.h"

namespace herald::core {

// One item of a link frame: chunks put one behind the other are an
// AttachResponse.
Chunk EncodeItem(link::v1::ServiceItem item);

// One whole message of a Watch.
Chunk EncodeWatch(v1::ServerMessage message);

v1::Position ToProto(const Position& position);

// What a backend receives of a publication that was encoded for gateways; not
// for whispers. Nothing if the chunk is no such item.
std::optional<v1::Event> DecodeEvent(const Chunk& chunk);

// True if `text` is one JSON value of any kind (RFC 8259), in UTF-8. Numbers
// may be of any size.
bool IsJson(absl::string_view text);

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_ENCODING_H_
