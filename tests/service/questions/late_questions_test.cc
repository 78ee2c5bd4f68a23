// SPDX-License-Identifier: Apache-2.0

#include "service/questions/late_questions.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/questions/questions.h"

namespace herald::authorizer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Sockets(const std::vector<QuestionPtr>& questions) {
  std::vector<std::string> sockets;
  for (const QuestionPtr& one : questions) sockets.push_back(one->socket());
  return sockets;
}

TEST(LateQuestionsOfStreams, AreTakenByTheirSerials) {
  LateQuestions late;
  for (int i = 1; i <= 5; ++i) {
    late.Add(10 * i, Ask("a", absl::StrCat("1.", i), "x"), At(i));
  }
  EXPECT_THAT(Sockets(late.Take(30, 30)), ElementsAre("1.3"));
  EXPECT_THAT(Sockets(late.Take(30, 30)), IsEmpty());
  EXPECT_THAT(Sockets(late.Take(20, 49)), ElementsAre("1.2", "1.4"));
  EXPECT_THAT(Sockets(late.Take()), ElementsAre("1.1", "1.5"));
  EXPECT_EQ(late.size(), 0u);
}

TEST(LateQuestionsOfStreams, KeepTheirChargesAndNotTheirBytes) {
  LateQuestions late;
  QuestionPtr question = Ask("a", "1.1", "private-x");
  question->request->set_auth_token(std::string(10'000, 'x'));
  question->strikes = 1;
  question->excused = true;
  late.Add(1, std::move(question), At(0));
  const std::vector<QuestionPtr> taken = late.Take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0]->address, "a");
  EXPECT_EQ(taken[0]->strikes, 1);
  EXPECT_TRUE(taken[0]->excused);
  EXPECT_EQ(taken[0]->request->auth_token(), "");
}

TEST(LateQuestionsOfStreams, AreForgottenAfterAMinute) {
  LateQuestions late;
  late.Add(1, Ask("a", "1.1", "x"), At(0));
  late.Add(2, Ask("a", "1.2", "x"), At(1));
  late.Expire(At(60));
  EXPECT_THAT(Sockets(late.Take()), ElementsAre("1.2"));
}

TEST(LateQuestionsOfStreams, AreBounded) {
  LateQuestions late;
  for (size_t i = 0; i <= LateQuestions::kMax; ++i) {
    late.Add(static_cast<int64_t>(i), Ask("a", absl::StrCat("1.", i), "x"),
             At(0));
  }
  EXPECT_EQ(late.size(), LateQuestions::kMax);
  EXPECT_EQ(late.Take(0, 0).size(), 0u) << "the first one is forgotten";
}

}  // namespace
}  // namespace herald::authorizer
