// SPDX-License-Identifier: Apache-2.0
//
// How this library reaches a Herald service: one place for the arguments of
// connections, the API token, and the checks that must come before gRPC sees a
// value, because gRPC would end the process or write to stderr.
//
// Lifetime: the last owner of a connection must not let it go on a thread of
// gRPC. Its callbacks run on threads that end with the last connection, and a
// thread cannot wait for itself. Stubs and contexts are owners; so a context is
// destroyed before the end of its call is announced, and a stub by the thread
// that waits for that.

#ifndef HERALD_CLIENTS_CPP_DIAL_H_
#define HERALD_CLIENTS_CPP_DIAL_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace herald::client {

// A channel to `target`. Connections to one target are shared in the process.
// It is for gRPC's callback API only, with threads that poll connections in the
// making: without a waiting thread, gRPC 1.51 polls every 5 s. So calls that
// fail immediately reach a service that has returned within 0.6 s, and blocking
// ones within 2 to 5 s.
std::shared_ptr<grpc::Channel> Dial(const std::string& target);

// OK if gRPC can dial `target` (proto/contract/address.h) and a header can
// carry `api_token`: printable ASCII. Otherwise INVALID_ARGUMENT.
absl::Status CheckAccess(absl::string_view target, absl::string_view api_token);

// Sends `api_token`, unless it is empty. REQUIRES: CheckAccess() is OK.
void ShowApiToken(const std::string& api_token, grpc::ClientContext* context);

// The random pause before the next attempt, drawn anew each time.
absl::Duration DrawRedialBackoff();

// OK if all texts are UTF-8, which proto strings must be. Otherwise
// InvalidArgumentError with the name and the value of the first one that is
// not.
using NamedText = std::pair<absl::string_view, absl::string_view>;
absl::Status CheckTexts(std::initializer_list<NamedText> texts);

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_DIAL_H_
