// SPDX-License-Identifier: Apache-2.0
//
// Questions that have timed out while the authorizer had them. A question that
// breaks a stream slowly does so after its timeout, when it is no longer open.
// So it is remembered until its answer arrives or a stream breaks.
//
// Bound: kMax questions, each for kPeriod; beyond that, the one that timed out
// first is forgotten. Only the names of socket and address are kept.
//
// Threads: none of its own; the owner's lock guards it.

#ifndef HERALD_SERVICE_QUESTIONS_LATE_QUESTIONS_H_
#define HERALD_SERVICE_QUESTIONS_LATE_QUESTIONS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "service/questions/pending_question.h"

namespace herald::authorizer {

class LateQuestions {
 public:
  static constexpr size_t kMax = 256;
  static constexpr absl::Duration kPeriod = absl::Minutes(1);

  // `serial` names the question. REQUIRES: its `done` has been taken.
  void Add(int64_t serial, QuestionPtr question, absl::Time now) {
    auto request = std::make_shared<v1::AuthorizeRequest>();
    request->set_socket_id(question->socket());
    question->request = std::move(request);
    question->done = nullptr;
    if (late_.size() >= kMax) late_.pop_front();
    late_.push_back({serial, now + kPeriod, std::move(question)});
  }

  void Expire(absl::Time now) {
    while (!late_.empty() && late_.front().until <= now) late_.pop_front();
  }
  size_t size() const { return late_.size(); }

  // Takes the questions of `first` to `last`, in the order of their timeouts.
  std::vector<QuestionPtr> Take(
      int64_t first = 0, int64_t last = std::numeric_limits<int64_t>::max()) {
    std::vector<QuestionPtr> taken;
    for (auto it = late_.begin(); it != late_.end();) {
      const auto here = it++;
      if (here->serial < first || here->serial > last) continue;
      taken.push_back(std::move(here->question));
      late_.erase(here);
    }
    return taken;
  }

 private:
  struct Late {
    int64_t serial;
    absl::Time until;
    QuestionPtr question;
  };

  std::list<Late> late_;  // In the order in which they timed out.
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_QUESTIONS_LATE_QUESTIONS_H_
