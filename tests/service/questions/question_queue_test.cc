// SPDX-License-Identifier: Apache-2.0

#include "service/questions/question_queue.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/service/questions/questions.h"

namespace herald::authorizer {
namespace {

constexpr admission::Source kRogue = 1;
constexpr admission::Source kHonest = 2;

// A question of a client of its own.
QuestionPtr AskFrom(admission::Source source, const std::string& channel,
                    double arrived = 0) {
  return Ask(absl::StrCat("client of ", channel), absl::StrCat(source, ".1"),
             channel, arrived, source);
}

TEST(AQuestionQueue, GivesSourcesTurns) {
  QuestionQueue queue;
  for (int i = 1; i <= 4; ++i) {
    queue.PushBack(AskFrom(kRogue, absl::StrCat("r", i)));
  }
  queue.PushBack(AskFrom(kHonest, "h2"));
  queue.PushFront(AskFrom(kHonest, "h3"));
  EXPECT_EQ(queue.size(), 6u);
  EXPECT_EQ(queue.front().request->channel(), "r1");
  std::vector<std::string> channels;
  while (queue.has_turn()) channels.push_back(queue.Pop()->request->channel());
  EXPECT_EQ(absl::StrJoin(channels, " "), "r1 h2 r2 h3 r3 r4");
}

TEST(AQuestionQueue, FindsAnAllowedQuestionBehindAFloodOfAddresses) {
  QuestionQueue queue;
  for (int i = 0; i < 100; ++i) {
    queue.PushBack(AskFrom(kRogue, absl::StrCat("r", i)));
  }
  const auto is_honest = [](const PendingQuestion& next) {
    return next.source == kHonest;
  };
  EXPECT_EQ(queue.PopOf(is_honest), nullptr);
  queue.PushBack(AskFrom(kHonest, "h"));
  EXPECT_EQ(queue.PopOf(is_honest)->request->channel(), "h");
  EXPECT_EQ(queue.PopOf(is_honest), nullptr);
  EXPECT_EQ(queue.size(), 100u);
}

TEST(AQuestionQueue, ParksQuestionsOfSeveralSources) {
  QuestionQueue queue;
  queue.PushBack(AskFrom(kRogue, "r"));
  queue.PushBack(AskFrom(kHonest, "h"));
  queue.ParkFront(At(5));
  queue.ParkFront(At(3));
  EXPECT_FALSE(queue.has_turn());
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.next_unpark(), At(3));
  queue.Unpark(At(4));
  EXPECT_EQ(queue.Pop()->request->channel(), "h");
  EXPECT_EQ(queue.next_unpark(), At(5));
  queue.Unpark(At(5));
  EXPECT_EQ(queue.Pop()->request->channel(), "r");
  EXPECT_EQ(queue.next_unpark(), absl::InfiniteFuture());
  EXPECT_EQ(queue.size(), 0u);
}

TEST(AFullQuestionQueue, RefusesAQuestionOfTheSourceWithTheMost) {
  QuestionQueue queue;
  for (int i = 0; i < 5; ++i) {
    queue.PushBack(AskFrom(kRogue, absl::StrCat("r", i)));
  }
  // None of its clients has many, and none gives way to the next of them.
  EXPECT_EQ(queue.GiveUpFor(*AskFrom(kRogue, "r")), nullptr);
  EXPECT_EQ(queue.GiveUpFor(*AskFrom(kHonest, "h"))->request->channel(), "r4");
  for (int i = 0; i < 3; ++i) {
    queue.PushBack(AskFrom(kHonest, absl::StrCat("h", i)));
  }
  EXPECT_EQ(queue.GiveUpFor(*AskFrom(kHonest, "h")), nullptr)
      << "they would have as many";
  EXPECT_EQ(queue.size(), 7u);
}

TEST(AFullQuestionQueue, ComparesTheClientsOfOneSource) {
  QuestionQueue queue;
  for (int i = 0; i < 5; ++i) {
    queue.PushBack(Ask("greedy", "2.1", "g", 0, kHonest));
  }
  queue.PushBack(AskFrom(kRogue, "r"));
  EXPECT_EQ(queue.GiveUpFor(*AskFrom(kHonest, "h"))->request->channel(), "g");
  EXPECT_EQ(queue.GiveUpFor(*Ask("greedy", "2.1", "g", 0, kHonest)), nullptr);
}

TEST(AFullQuestionQueue, KeepsParkedQuestionsOfASourceWithFew) {
  QuestionQueue queue;
  queue.PushBack(AskFrom(kHonest, "parked"));
  queue.ParkFront(At(5));
  for (int i = 0; i < 3; ++i) {
    queue.PushBack(AskFrom(kRogue, absl::StrCat("r", i)));
  }
  EXPECT_EQ(queue.GiveUpFor(*AskFrom(kRogue, "r")), nullptr);
  EXPECT_EQ(queue.next_unpark(), At(5));
}

TEST(AQuestionQueue, LosesLateQuestionsOfAllSources) {
  QuestionQueue queue;
  for (int i = 0; i < 4; ++i) {
    queue.PushBack(AskFrom(kRogue, absl::StrCat("r", i), i));
    queue.PushBack(AskFrom(kHonest, absl::StrCat("h", i), i));
  }
  queue.ParkFront(At(9));
  std::vector<std::string> taken;
  queue.TakeIf(
      [](const PendingQuestion& one, bool) { return one.arrived < At(3); },
      [&](QuestionPtr one) { taken.push_back(one->request->channel()); });
  EXPECT_EQ(taken.size(), 6u);
  EXPECT_EQ(queue.size(), 2u);
}

}  // namespace
}  // namespace herald::authorizer
