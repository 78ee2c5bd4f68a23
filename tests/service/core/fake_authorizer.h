// SPDX-License-Identifier: Apache-2.0
//
// An authorizer that answers only when told to.
//
// Threads: one.

#ifndef HERALD_TESTS_SERVICE_CORE_FAKE_AUTHORIZER_H_
#define HERALD_TESTS_SERVICE_CORE_FAKE_AUTHORIZER_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "service/core/authorizer.h"

namespace herald::core {

// A member as an authorizer names one.
inline v1::Member User(const std::string& user_id,
                       const std::string& user_info = "") {
  v1::Member member;
  member.set_user_id(user_id);
  member.set_user_info(user_info);
  return member;
}

class FakeAuthorizer final : public Authorizer {
 public:
  void Authorize(Question question,
                 absl::AnyInvocable<void(Decision)> done) override {
    questions.push_back(std::move(question));
    open_.push_back(std::move(done));
  }

  // Each answers the oldest open question.
  void Allow(std::optional<v1::Member> member = std::nullopt,
             absl::Duration expires_after = absl::InfiniteDuration()) {
    Answer({absl::OkStatus(), std::move(member), expires_after});
  }
  void Deny(absl::string_view reason) {
    Answer({absl::PermissionDeniedError(reason), std::nullopt});
  }
  void GiveUp() { Answer({absl::UnavailableError("no answer"), std::nullopt}); }
  void Answer(Decision decision) {
    ASSERT_FALSE(open_.empty()) << "nobody has asked";
    absl::AnyInvocable<void(Decision)> done = std::move(open_.front());
    open_.erase(open_.begin());
    done(std::move(decision));
  }

  // All that were asked, answered or not.
  std::vector<Question> questions;

 private:
  std::vector<absl::AnyInvocable<void(Decision)>> open_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_FAKE_AUTHORIZER_H_
