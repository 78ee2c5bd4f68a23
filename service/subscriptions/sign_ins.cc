// SPDX-License-Identifier: Apache-2.0

#include "service/subscriptions/sign_ins.h"

#include <string>
#include <utility>

#include "service/channel/encoding.h"
#include "service/subscriptions/refusal.h"

namespace herald::core {
namespace {

using link::v1::Refused;

void Send(const AttachmentPtr& gateway, link::v1::ServiceItem item) {
  if (gateway->ended) return;
  gateway->sink->Enqueue(EncodeItem(std::move(item)));
  gateway->sink->Flush();
}

void Refuse(const AttachmentPtr& gateway, int64_t ticket, Refused::Code code,
            absl::string_view reason) {
  Send(gateway, RefusedItem(ticket, code, reason));
}

void Answer(const AttachmentPtr& gateway, int64_t ticket, Verdict decision) {
  // A yes without a user is a no: the socket would be signed in without a user.
  if (decision.status.ok() && !decision.member.has_value()) {
    decision.status = absl::PermissionDeniedError("the sign-in names no user");
  }
  if (!decision.status.ok()) {
    return Refuse(gateway, ticket, RefusalCode(decision.status),
                  decision.status.message());
  }
  link::v1::ServiceItem item;
  link::v1::SocketAnswer& yes = *item.mutable_socket_answer();
  yes.set_ticket(ticket);
  *yes.mutable_signed_in()->mutable_user() = *std::move(decision.member);
  Send(gateway, std::move(item));
}

}  // namespace

void SignIns::OnQuestion(const AttachmentPtr& gateway,
                         link::v1::SocketQuestion question) {
  const int64_t ticket = question.ticket();
  const absl::Status ready = readiness_->Check();
  if (!ready.ok()) {
    return Refuse(gateway, ticket, Refused::CODE_UNAVAILABLE, ready.message());
  }
  if (!question.has_sign_in()) {
    return Refuse(gateway, ticket, Refused::CODE_UNAVAILABLE,
                  "the service does not know this kind of question");
  }
  link::v1::SignIn& sign_in = *question.mutable_sign_in();
  authorizer_->SignIn({std::move(*question.mutable_socket_id()),
                       std::move(*sign_in.mutable_auth_token()),
                       std::move(*sign_in.mutable_user_data()),
                       std::move(*question.mutable_connection())},
                      [gateway, ticket](Verdict decision) {
                        Answer(gateway, ticket, std::move(decision));
                      });
}

}  // namespace herald::core
