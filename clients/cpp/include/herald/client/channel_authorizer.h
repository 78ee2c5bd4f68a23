// SPDX-License-Identifier: Apache-2.0
//
// The interface that an application implements to authorize subscriptions: one
// method. AuthorizerServer calls it and communicates with Herald.
//
//   class Rooms : public ChannelAuthorizer {
//     Decision Authorize(const v1::AuthorizeRequest& question) override {
//       std::optional<User> user = sessions_.Find(question.auth_token());
//       if (!user) return Deny("sign in first");
//       return AllowMember(user->id, user->json).ExpiresAfter(absl::Hours(1));
//     }
//   };
//
// Questions are only about `private-` and `presence-` channels; public ones are
// open to every client.

#ifndef HERALD_CLIENT_CHANNEL_AUTHORIZER_H_
#define HERALD_CLIENT_CHANNEL_AUTHORIZER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/v1/authorizer_service.pb.h"

namespace herald::client {

// An answer. Made by one of the functions below.
struct Decision {
  enum class Kind {
    kDeny,       // No.
    kAllow,      // Yes.
    kUndecided,  // It cannot be decided at the moment.
  };
  Kind kind = Kind::kDeny;

  // kDeny: why, as a sentence for the developer of the client. At most 1 KiB
  // is passed on.
  std::string reason = {};

  // kAllow: the id of the user, 1 to 128 bytes of UTF-8; empty for none.
  std::string user_id = {};

  // kAllow: data for the other members: JSON text, at most 16 KiB. Empty means
  // `null`.
  std::string user_info = {};

  // kAllow: how long the yes holds; infinite means as long as the subscription.
  absl::Duration lifetime = absl::InfiniteDuration();

  // Limits the life of a yes. Herald asks again from nine tenths of it on, and
  // ends the subscription on time unless the answer is yes by then.
  // REQUIRES: > 0; otherwise the yes is a no.
  Decision ExpiresAfter(absl::Duration duration) &&;
};

// Yes, without the id of the user. Enough for a private channel; on a presence
// channel it counts as a no.
Decision Allow();

// Yes, and the member. Required on a presence channel. On a private one it
// names the user for AuthorizerServer::RevokeUser() and
// Control::DisconnectUser().
Decision AllowMember(absl::string_view user_id,
                     absl::string_view user_info = "");

// No. `reason` reaches the client, in `subscription_error.error`: write a
// sentence that helps a developer and not an intruder.
Decision Deny(absl::string_view reason);

// No answer, for when the database is not available: Herald denies with
// `unavailable` after its timeout (1 s), clients retry, and grants that are due
// for renewal live to their end. Deny() would end them immediately.
Decision Undecided();

class ChannelAuthorizer {
 public:
  virtual ~ChannelAuthorizer() = default;

  // Decides one question. Its fields are described in
  // herald/v1/authorizer_service.proto; `channel_data` is written by the
  // client, so check it before you trust it.
  //
  // May block, for example on a database: it is called on threads of its own,
  // `AuthorizerServerOptions::threads` at once, so it must be thread-safe. A
  // decision that takes longer than Herald's timeout (1 s) has no effect. An
  // exception counts as Deny("the authorizer failed") and ends nothing else.
  virtual Decision Authorize(const v1::AuthorizeRequest& question) = 0;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_CHANNEL_AUTHORIZER_H_
