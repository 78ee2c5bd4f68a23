// SPDX-License-Identifier: Apache-2.0
//
// Questions for tests.

#ifndef HERALD_TESTS_SERVICE_QUESTIONS_QUESTIONS_H_
#define HERALD_TESTS_SERVICE_QUESTIONS_QUESTIONS_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "proto/admission/source.h"
#include "service/questions/pending_question.h"

namespace herald::authorizer {

inline absl::Time At(double seconds) {
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

inline QuestionPtr Ask(const std::string& address, const std::string& socket,
                       const std::string& channel, double arrived = 0,
                       admission::Source source = admission::kNoSource) {
  auto question = std::make_unique<PendingQuestion>();
  question->request = std::make_shared<v1::AuthorizeRequest>();
  question->request->set_socket_id(socket);
  question->request->set_channel(channel);
  question->source = source;
  question->address = address;
  question->arrived = At(arrived);
  question->done = [](core::Verdict) {};
  return question;
}

}  // namespace herald::authorizer

#endif  // HERALD_TESTS_SERVICE_QUESTIONS_QUESTIONS_H_
