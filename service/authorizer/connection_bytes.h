// SPDX-License-Identifier: Apache-2.0
//
// Reads a serialized v1::Connection without making the message: a gateway sends
// one with each question, and it goes on to the authorizer as it is. Pure.

#ifndef HERALD_SERVICE_AUTHORIZER_CONNECTION_BYTES_H_
#define HERALD_SERVICE_AUTHORIZER_CONNECTION_BYTES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace herald::authorizer {

// The `remote_address`, a part of `connection`; empty if there is none.
//
//   INVALID_ARGUMENT  the bytes are not a Connection, or a text in it is not
//                     UTF-8: the authorizer could not parse the question
absl::StatusOr<absl::string_view> RemoteAddressOf(absl::string_view connection);

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_AUTHORIZER_CONNECTION_BYTES_H_
