// SPDX-License-Identifier: Apache-2.0
//
// Port: decides about private and presence channels, and about the users of
// sockets, so that Subscriptions and SignIns are independent of streams,
// signatures and deadlines.

#ifndef HERALD_SERVICE_SUBSCRIPTIONS_AUTHORIZER_H_
#define HERALD_SERVICE_SUBSCRIPTIONS_AUTHORIZER_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/admission/source.h"

namespace herald::core {

// May this socket listen on this channel?
struct Question {
  std::string socket_id;
  std::string channel;
  std::string auth_token;
  std::string channel_data;
  std::string connection;  // A serialized v1::Connection.
  // Of the gateway. The address in `connection` is only its claim.
  admission::Source source = admission::kNoSource;
};

// Which user is this socket?
struct SignInQuestion {
  std::string socket_id;
  std::string auth_token;
  std::string user_data;
  std::string connection;  // A serialized v1::Connection.
};

struct Verdict {
  // OK: yes. PERMISSION_DENIED: no, and why. INVALID_ARGUMENT: no, because the
  // client's credentials cannot be read. UNAVAILABLE: there was no decision in
  // time. Other codes count as UNAVAILABLE.
  absl::Status status;

  // The user, on a yes. Not yet checked against the channel's type.
  std::optional<v1::Member> member;

  // How long the yes holds from now on.
  absl::Duration expires_after = absl::InfiniteDuration();
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;

  // Calls `done` exactly once, within a bounded time, on any thread, perhaps
  // before it returns; no lock of the authorizer is held then.
  virtual void Authorize(Question question,
                         absl::AnyInvocable<void(Verdict)> done) = 0;

  // As Authorize(); a yes names the user. Authorizers that know no sign-in deny
  // it.
  virtual void SignIn(const SignInQuestion& /*question*/,
                      absl::AnyInvocable<void(Verdict)> done) {
    Verdict no;
    no.status = absl::PermissionDeniedError(
        "a sign-in needs a signature of BROADCAST_SECRET");
    done(std::move(no));
  }
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_SUBSCRIPTIONS_AUTHORIZER_H_
