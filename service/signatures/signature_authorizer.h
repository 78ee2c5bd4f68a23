// SPDX-License-Identifier: Apache-2.0
//
// Decides by signature: a subscription that the backend has signed with
// `BROADCAST_SECRET` needs no authorizer (the Pusher scheme). The token is
//
//   hex(HMAC-SHA256(secret, "socket_id:channel"))               private
//   hex(HMAC-SHA256(secret, "socket_id:channel:channel_data"))  presence
//
// where `channel_data` is the text exactly as the client sent it, a JSON object
// with the member: `user_id` and, optionally, `user_info`. `user_id` is a
// string, or an integer of any size: then the id is its digits.
//
// Failure: a question without a valid signature is passed to the next
// authorizer, which may use other tokens; if there is none, it is
// PERMISSION_DENIED. A valid signature over a `channel_data` without a valid
// member is INVALID_ARGUMENT.
//
// A sign-in is decided by signature only. Its token is
//
//   hex(HMAC-SHA256(secret, "socket_id::user::user_data"))
//
// where `user_data` is a JSON object with a string `id` that is a user id.
// `user_info`, if there is one, is the user's.
//
// Threads: any; constant after construction.

#ifndef HERALD_SERVICE_SIGNATURES_SIGNATURE_AUTHORIZER_H_
#define HERALD_SERVICE_SIGNATURES_SIGNATURE_AUTHORIZER_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "herald/v1/server_message.pb.h"
#include "service/subscriptions/authorizer.h"

namespace herald::authorizer {

class SignatureAuthorizer final : public core::Authorizer {
 public:
  // `next` may be nullptr; otherwise it outlives the object.
  SignatureAuthorizer(std::string secret, core::Authorizer* next)
      : secret_(std::move(secret)), next_(next) {}

  void Authorize(core::Question question,
                 absl::AnyInvocable<void(core::Verdict)> done) override;
  void SignIn(const core::SignInQuestion& question,
              absl::AnyInvocable<void(core::Verdict)> done) override;

 private:
  const std::string secret_;
  core::Authorizer* const next_;
};

// The member in a presence channel's `channel_data`; INVALID_ARGUMENT if it has
// none that broadcast_service.proto allows. `user_info` keeps its bytes.
absl::StatusOr<v1::Member> MemberOf(absl::string_view channel_data);

// The same of a sign-in's `user_data`; its string `id` is the user's id.
absl::StatusOr<v1::Member> UserOf(absl::string_view user_data);

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_SIGNATURES_SIGNATURE_AUTHORIZER_H_
