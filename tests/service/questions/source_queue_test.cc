// SPDX-License-Identifier: Apache-2.0

#include "service/questions/source_queue.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/service/questions/questions.h"

namespace herald::authorizer {
namespace {

// The channels in the order in which they are taken.
std::string All(SourceQueue& queue) {
  std::vector<std::string> channels;
  while (queue.has_turn()) channels.push_back(queue.Pop()->request->channel());
  return absl::StrJoin(channels, " ");
}

TEST(ASourceQueue, GivesAddressesAndTheirSocketsTurns) {
  SourceQueue queue;
  for (int i = 1; i <= 3; ++i) {
    queue.PushBack(Ask("a", "1.1", absl::StrCat("a1", i)));
  }
  queue.PushBack(Ask("a", "1.2", "a21"));
  queue.PushBack(Ask("b", "1.3", "b31"));
  queue.PushBack(Ask("b", "1.3", "b32"));

  EXPECT_EQ(queue.size(), 6u);
  EXPECT_EQ(All(queue), "a11 b31 a21 b32 a12 a13");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(ASourceQueue, AsksAPoliteQuestionAfterOneOfAFlood) {
  SourceQueue queue;
  for (int i = 0; i < 1000; ++i) {
    queue.PushBack(Ask("hostile", absl::StrCat("1.", i % 100), "private-h"));
  }
  queue.Pop();
  queue.PushBack(Ask("polite", "2.1", "private-p"));
  queue.Pop();
  EXPECT_EQ(queue.Pop()->request->channel(), "private-p");
}

TEST(ASourceQueue, PutsAReturnedQuestionBeforeTheOthersOfItsSocket) {
  SourceQueue queue;
  queue.PushBack(Ask("a", "1.1", "2"));
  queue.PushFront(Ask("a", "1.1", "1"));
  EXPECT_EQ(All(queue), "1 2");
}

TEST(ASourceQueue, AsksTheFirstAllowedQuestionOfAnAddress) {
  SourceQueue queue;
  queue.PushBack(Ask("a", "1.1", "a"));
  queue.PushBack(Ask("b", "1.2", "b"));
  const auto is_b = [](const PendingQuestion& next) {
    return next.address == "b";
  };
  EXPECT_EQ(queue.PopOf(is_b, 1), nullptr) << "it is the second one";
  EXPECT_EQ(queue.PopOf(is_b, 2)->request->channel(), "b");
  EXPECT_EQ(queue.PopOf(is_b, 2), nullptr);
  EXPECT_EQ(queue.size(), 1u);
}

TEST(ASourceQueue, ParksASocketUntilItsTime) {
  SourceQueue queue;
  queue.PushBack(Ask("a", "1.1", "1"));
  queue.PushBack(Ask("a", "1.1", "2"));
  queue.ParkFront(At(5));
  EXPECT_FALSE(queue.has_turn());
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.next_unpark(), At(5));
  queue.PushBack(Ask("a", "1.2", "other"));
  queue.Unpark(At(4));
  EXPECT_EQ(queue.Pop()->request->channel(), "other");
  queue.Unpark(At(5));
  EXPECT_EQ(All(queue), "1 2");
}

TEST(AFullSourceQueue, RefusesAQuestionOfTheClientWithTheMost) {
  SourceQueue queue;
  for (int i = 0; i < 10; ++i) {
    queue.PushBack(Ask("a", absl::StrCat("1.", i % 2), absl::StrCat(i)));
  }
  queue.PushBack(Ask("a", "1.1", "most"));
  EXPECT_EQ(queue.GiveUpFor("b", "2.1")->request->channel(), "most");
  // Nor does a new socket of the same address suffer for the others.
  EXPECT_NE(queue.GiveUpFor("a", "1.7"), nullptr);
  EXPECT_EQ(queue.size(), 9u);
}

TEST(AFullSourceQueue, RefusesTheOneThatHasTheMost) {
  SourceQueue queue;
  for (int i = 0; i < 5; ++i) queue.PushBack(Ask("a", "1.1", "x"));
  EXPECT_EQ(queue.GiveUpFor("a", "1.1"), nullptr);
  queue.PushBack(Ask("b", "1.1", "x"));
  EXPECT_EQ(queue.size(), 6u);
}

TEST(AFullSourceQueue, RefusesParkedQuestionsFirst) {
  SourceQueue queue;
  queue.PushBack(Ask("a", "1.1", "parked"));
  queue.ParkFront(At(5));
  queue.PushBack(Ask("b", "1.2", "x"));
  EXPECT_EQ(queue.GiveUpFor("b", "1.2")->request->channel(), "parked");
  EXPECT_EQ(queue.size(), 1u);
}

TEST(AFullSourceQueue, GivesUpOneOfTheClientWithTheMostForAnotherSource) {
  SourceQueue queue;
  for (int i = 0; i < 5; ++i) queue.PushBack(Ask("a", "1.1", absl::StrCat(i)));
  queue.PushBack(Ask("b", "1.2", "b"));
  queue.PushBack(Ask("c", "1.3", "c"));
  EXPECT_EQ(queue.GiveUp()->request->channel(), "4");
  EXPECT_EQ(queue.GiveUp()->request->channel(), "3");
  // No client has many now, so the last one in turn gives way.
  EXPECT_EQ(queue.GiveUp()->request->channel(), "c");
  EXPECT_EQ(queue.size(), 4u);
}

TEST(ASourceQueue, LosesLateQuestionsAndKeepsTheOrder) {
  SourceQueue queue;
  for (int i = 0; i < 6; ++i) {
    queue.PushBack(Ask(absl::StrCat(i % 2), absl::StrCat("1.", i % 2),
                       absl::StrCat(i), /*arrived=*/i));
  }
  queue.PushBack(Ask("gone", "9.9", "gone", 0));
  std::vector<std::string> taken;
  queue.TakeIf(
      [](const PendingQuestion& one, bool) { return one.arrived < At(2); },
      [&](QuestionPtr one) { taken.push_back(one->request->channel()); });
  EXPECT_EQ(absl::StrJoin(taken, " "), "0 1 gone");
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_EQ(All(queue), "2 3 4 5");
}

}  // namespace
}  // namespace herald::authorizer
