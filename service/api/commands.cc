// SPDX-License-Identifier: Apache-2.0

#include "service/api/commands.h"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/channel/encoding.h"
#include "service/channel/request_checks.h"

namespace herald::core {
namespace {

absl::Status NoSocket(absl::string_view socket_id) {
  return absl::NotFoundError(
      absl::StrCat("no gateway has socket ", contract::Quoted(socket_id)));
}

Calls::Done StatusOnly(Commands::CallDone done) {
  return [done = std::move(done)](absl::StatusOr<int64_t> result) mutable {
    done(result.status());
  };
}

// Adds up two answers; an error of the second one counts as 0.
class Sum {
 public:
  explicit Sum(Calls::Done done) : done_(std::move(done)) {}

  void TakeFirst(absl::StatusOr<int64_t> result) {
    first_ = std::move(result);
    End();
  }
  void TakeSecond(const absl::StatusOr<int64_t>& result) {
    second_ = result.value_or(0);
    End();
  }

 private:
  void End() {
    if (--open_ > 0) return;
    if (first_.ok()) *first_ += second_;
    done_(std::move(first_));
  }

  std::atomic<int> open_{2};
  absl::StatusOr<int64_t> first_ = 0;
  int64_t second_ = 0;
  Calls::Done done_;
};

// Adapts a Disconnect's answer.
auto Counted(
    absl::AnyInvocable<void(absl::StatusOr<v1::DisconnectResponse>)> done) {
  return [done = std::move(done)](absl::StatusOr<int64_t> count) mutable {
    if (!count.ok()) return done(count.status());
    v1::DisconnectResponse response;
    response.set_disconnected_count(*count);
    done(std::move(response));
  };
}

}  // namespace

void Commands::CallGateway(absl::string_view socket_id, link::v1::Call call,
                           absl::Duration deadline, Calls::Done done) {
  absl::Status status = readiness_->Check();
  if (status.ok()) status = CheckSocketId("socket_id", socket_id);
  if (!status.ok()) return done(status);
  const uint64_t id = contract::ParseSocketId(socket_id)->gateway;
  const AttachmentPtr gateway = gateways_->Find(id);
  if (gateway == nullptr && !gateways_->Knows(id)) {
    return done(NoSocket(socket_id));
  }
  if (gateway == nullptr || !gateway->attached) {
    return done(absl::UnavailableError(absl::StrCat("the gateway of socket ",
                                                    contract::Quoted(socket_id),
                                                    " has no link now")));
  }
  calls_->Start(std::move(call), {gateway}, deadline, std::move(done));
}

void Commands::Subscribe(const v1::SubscribeRequest& request, CallDone done) {
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
  CallGateway(request.socket_id(), std::move(call),
              kCallDeadline + authorizer_timeout_, StatusOnly(std::move(done)));
}

void Commands::Unsubscribe(const v1::UnsubscribeRequest& request,
                           CallDone done) {
  const absl::Status status = contract::CheckChannelName(request.channel());
  if (!status.ok()) return done(status);
  link::v1::Call call;
  call.mutable_unsubscribe()->set_socket_id(request.socket_id());
  call.mutable_unsubscribe()->set_channel(request.channel());
  CallGateway(request.socket_id(), std::move(call), kCallDeadline,
              StatusOnly(std::move(done)));
}

void Commands::Disconnect(
    const v1::DisconnectRequest& request,
    absl::AnyInvocable<void(absl::StatusOr<v1::DisconnectResponse>)> done) {
  link::v1::Call call;
  call.mutable_disconnect()->set_reason(PassableReason(request.reason()));
  if (request.subject_case() == v1::DisconnectRequest::kSocketId) {
    call.mutable_disconnect()->set_socket_id(request.socket_id());
    return CallGateway(request.socket_id(), std::move(call), kCallDeadline,
                       Counted(std::move(done)));
  }
  absl::Status status = readiness_->Check();
  if (status.ok() && !request.has_user_id()) {
    status = absl::InvalidArgumentError("neither socket_id nor user_id is set");
  }
  if (status.ok()) status = contract::CheckUserId(request.user_id());
  if (!status.ok()) return done(status);
  call.mutable_disconnect()->set_user_id(request.user_id());
  // Remembered before it is sent, for those who are away. Those who attach just
  // now may have replayed already, so they get it, too: hearing it twice is
  // harmless. Without a call_id nobody waits for it.
  link::v1::ServiceItem again;
  *again.mutable_call() = call;
  const Chunk chunk = EncodeItem(std::move(again));
  std::vector<AttachmentPtr> gateways;
  std::vector<AttachmentPtr> idle;
  std::vector<AttachmentPtr> attaching;
  for (AttachmentPtr& gateway : gateways_->Remember(chunk)) {
    if (!gateway->attached) {
      attaching.push_back(std::move(gateway));
    } else {
      (gateway->subscription_count > 0 ? gateways : idle)
          .push_back(std::move(gateway));
    }
  }
  for (const AttachmentPtr& gateway : attaching) {
    gateway->sink->Enqueue(chunk);
    gateway->sink->Flush();
  }
  // A gateway without a subscription has no user, so its silence is no failure.
  const auto sum = std::make_shared<Sum>(Counted(std::move(done)));
  calls_->Start(call, gateways, kCallDeadline,
                [sum](auto result) { sum->TakeFirst(std::move(result)); });
  calls_->Start(std::move(call), idle, kCallDeadline,
                [sum](const auto& result) { sum->TakeSecond(result); });
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
  link::v1::ServiceItem item;
  *item.mutable_revocation() = std::move(revocation);
  const Chunk chunk = EncodeItem(std::move(item));
  for (const AttachmentPtr& gateway : gateways_->Remember(chunk)) {
    gateway->sink->Enqueue(chunk);
    gateway->sink->Flush();
  }
  observer_->OnRevoked();
  return absl::OkStatus();
}

}  // namespace herald::core
