// SPDX-License-Identifier: Apache-2.0

#include "service/questions/pending_question.h"

#include <utility>

#include "google/protobuf/unknown_field_set.h"

namespace herald::authorizer {

QuestionPtr MakePending(core::Question question, std::string address,
                        VerdictDone done, absl::Time arrived) {
  auto pending = std::make_unique<PendingQuestion>();
  pending->bytes = static_cast<int64_t>(
      sizeof(PendingQuestion) + sizeof(v1::AuthorizeRequest) +
      question.auth_token.size() + question.channel_data.size() +
      question.connection.size());
  pending->request = std::make_shared<v1::AuthorizeRequest>();
  v1::AuthorizeRequest& request = *pending->request;
  request.set_socket_id(std::move(question.socket_id));
  request.set_channel(std::move(question.channel));
  request.set_auth_token(std::move(question.auth_token));
  request.set_channel_data(std::move(question.channel_data));
  if (!question.connection.empty()) {
    // As an unknown field, which protobuf writes without parsing it.
    request.GetReflection()
        ->MutableUnknownFields(&request)
        ->AddLengthDelimited(v1::AuthorizeRequest::kConnectionFieldNumber)
        ->swap(question.connection);
  }
  pending->source = question.source;
  pending->address = std::move(address);
  pending->done = std::move(done);
  pending->arrived = arrived;
  return pending;
}

}  // namespace herald::authorizer
