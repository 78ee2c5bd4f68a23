// SPDX-License-Identifier: Apache-2.0

#include "service/api/commands.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/channel/request_checks.h"

namespace herald::core {
namespace {

CallDone StatusOnly(Commands::Done done) {
  return
      [done = std::move(done)](const absl::StatusOr<int64_t>& result) mutable {
        done(result.status());
      };
}

// Adapts a Disconnect's answer.
CallDone Counted(
    absl::AnyInvocable<void(absl::StatusOr<v1::DisconnectResponse>)> done) {
  return
      [done = std::move(done)](const absl::StatusOr<int64_t>& count) mutable {
        if (!count.ok()) return done(count.status());
        v1::DisconnectResponse response;
        response.set_disconnected_count(*count);
        done(std::move(response));
      };
}

}  // namespace

void Commands::CallSocket(absl::string_view socket_id, link::v1::Call call,
                          absl::Duration deadline, CallDone done) {
  absl::Status status = readiness_->Check();
  if (status.ok()) status = CheckSocketId("socket_id", socket_id);
  if (!status.ok()) return done(status);
  calls_->CallSocket(std::move(call), deadline, std::move(done));
}

void Commands::Subscribe(const v1::SubscribeRequest& request, Done done) {
  absl::Status status = contract::CheckChannelName(request.channel());
  if (status.ok() && request.has_member())
    status = CheckMember(request.member());
  if (status.ok() && static_cast<int64_t>(request.auth_token().size()) >
                         contract::kAuthTokenBytesMax) {
    status = absl::InvalidArgumentError(absl::StrCat(
        "auth_token has ", request.auth_token().size(), " bytes; at most ",
        contract::kAuthTokenBytesMax, " are allowed"));
  }
  if (!status.ok()) return done(status);
  link::v1::Call call;
  link::v1::SubscribeCall& subscribe = *call.mutable_subscribe();
  subscribe.set_socket_id(request.socket_id());
  subscribe.set_channel(request.channel());
  subscribe.set_auth_token(request.auth_token());
  if (request.has_member()) *subscribe.mutable_member() = request.member();
  CallSocket(request.socket_id(), std::move(call),
             kCallDeadline + authorizer_timeout_, StatusOnly(std::move(done)));
}

void Commands::Unsubscribe(const v1::UnsubscribeRequest& request, Done done) {
  const absl::Status status = contract::CheckChannelName(request.channel());
  if (!status.ok()) return done(status);
  link::v1::Call call;
  call.mutable_unsubscribe()->set_socket_id(request.socket_id());
  call.mutable_unsubscribe()->set_channel(request.channel());
  CallSocket(request.socket_id(), std::move(call), kCallDeadline,
             StatusOnly(std::move(done)));
}

void Commands::Disconnect(
    const v1::DisconnectRequest& request,
    absl::AnyInvocable<void(absl::StatusOr<v1::DisconnectResponse>)> done) {
  link::v1::Call call;
  call.mutable_disconnect()->set_reason(PassableReason(request.reason()));
  if (request.subject_case() == v1::DisconnectRequest::kSocketId) {
    call.mutable_disconnect()->set_socket_id(request.socket_id());
    return CallSocket(request.socket_id(), std::move(call), kCallDeadline,
                      Counted(std::move(done)));
  }
  absl::Status status = readiness_->Check();
  if (status.ok() && !request.has_user_id()) {
    status = absl::InvalidArgumentError("neither socket_id nor user_id is set");
  }
  if (status.ok()) status = contract::CheckUserId(request.user_id());
  if (!status.ok()) return done(status);
  call.mutable_disconnect()->set_user_id(request.user_id());
  calls_->DisconnectUser(std::move(call), Counted(std::move(done)));
}

absl::Status Commands::Revoke(v1::Revocation revocation) {
  absl::Status status;
  switch (revocation.subject_case()) {
    case v1::Revocation::kSocketId:
      status = CheckSocketId("socket_id", revocation.socket_id());
      break;
    case v1::Revocation::kUserId:
      status = contract::CheckUserId(revocation.user_id());
      break;
    default:
      status = absl::InvalidArgumentError(
          "a revocation names neither socket_id nor user_id");
  }
  if (status.ok() && !revocation.channel().empty()) {
    status = contract::CheckChannelName(revocation.channel());
  }
  if (!status.ok()) return status;
  revocation.set_reason(PassableReason(revocation.reason()));
  calls_->Revoke(std::move(revocation));
  observer_->OnRevoked();
  return absl::OkStatus();
}

}  // namespace herald::core
