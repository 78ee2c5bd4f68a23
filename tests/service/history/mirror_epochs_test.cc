// SPDX-License-Identifier: Apache-2.0
//
// Decisions of a mirror when histories begin and end.

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/history/mirror_fixture.h"

namespace herald::core {
namespace {

TEST_F(AMirror, LosesNothingIfItHasAllOfTheEpochBefore) {
  Open("e", 0, 2);
  EXPECT_EQ(Text(mirror_.OnHistory("f", {"e", 2})), "");
  EXPECT_EQ(Push("f", 1), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("f", 0, 1), "f begins at 0 | 1");
}

TEST_F(AMirror, LosesNothingByAnAnswerThatIsAhead) {
  Open("e", 0, 2);
  mirror_.Refresh();
  EXPECT_EQ(Ask(), "e 2 and roster");
  Mirror::LogAnswer answer = AnswerOf("f", 0, 1);
  answer.previous = {"e", 2};
  answer.roster.emplace();
  EXPECT_EQ(Text(mirror_.OnAnswer(std::move(answer))), "f begins at 0 | 1");
  EXPECT_EQ(Text(mirror_.OnHistory("f", {"e", 2})), "");
  EXPECT_EQ(Push("f", 1), "");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, LosesTheBeginningOfAnEpochThatIsNotAvailable) {
  Open("e", 0, 2);
  EXPECT_EQ(Text(mirror_.OnHistory("f", {"e", 2})), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("f", 5, 6), "f begins at 5, lost | 6");
}

TEST_F(AMirror, RestartsInAnotherEpochAndReportsTheLoss) {
  Open("e", 0, 2);
  EXPECT_EQ(Text(mirror_.OnHistory("f", {"e", 3})), "");
  EXPECT_EQ(Push("f", 1), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Push("f", 2), "");
  EXPECT_EQ(Answer("f", 0, 1), "f begins at 0, lost | 1 | 2");
  EXPECT_EQ(mirror_.position(), (Position{"f", 2}));
  EXPECT_EQ(Since(Position{"e", 2}), "lost up to 0");
  EXPECT_EQ(Since(Position{"f", 0}), "1 2");
}

TEST_F(AMirror, TakesAllOfAnEpochThatBeganUnnoticed) {
  Open("e", 0, 2);
  EXPECT_EQ(Push("f", 3), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("f", 0, 3), "f begins at 0, lost | 1 | 2 | 3");
}

TEST_F(AMirror, LosesNothingWhenTheFirstHistoryBegins) {
  OpenWithoutHistory();
  EXPECT_EQ(Text(mirror_.OnHistory("e", {})), "");
  EXPECT_EQ(Push("e", 1), "");
  EXPECT_EQ(Ask(), " 0");
  EXPECT_EQ(Answer("e", 0, 1), "e begins at 0 | 1");
}

TEST_F(AMirror, LosesTheBeginningOfTheFirstHistoryIfItIsNotAvailable) {
  OpenWithoutHistory();
  EXPECT_EQ(Text(mirror_.OnHistory("e", {})), "");
  EXPECT_EQ(Ask(), " 0");
  EXPECT_EQ(Answer("e", 5, 6), "e begins at 5, lost | 6");
}

TEST_F(AMirror, DeliversHeldPushesBeforeTheFirstHistory) {
  OpenWithoutHistory();
  mirror_.Refresh();
  EXPECT_EQ(Ask(), " 0 and roster");
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("a"))), "");
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("b", true))), "");
  EXPECT_EQ(Text(mirror_.OnHistory("e", {})), "");
  EXPECT_EQ(AnswerWithRoster("e", 0, 1), "a | b | e begins at 0 | 1");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, ReportsTheLossOfAPublicationThatTheFirstHistoryHasOvertaken) {
  OpenWithoutHistory();
  mirror_.Refresh();
  EXPECT_EQ(Ask(), " 0 and roster");
  EXPECT_EQ(AnswerWithRoster("e", 0, 1), "e begins at 0 | 1");
  for (const char* const late : {"a", "b"}) {
    EXPECT_EQ(Text(mirror_.OnPublication("", Plain(late))), "");
  }
  EXPECT_EQ(Ask(), "e 1");
  EXPECT_EQ(Answer("e", 1, 2), "2 | e begins at 2, lost");
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("c"))), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("e", 2, 2), "") << "once is enough";
}

TEST_F(AMirror, ReportsTheLossOfAHistoryThatItNeverSaw) {
  OpenWithoutHistory();
  EXPECT_EQ(Text(mirror_.OnHistory("e", {})), "");
  EXPECT_EQ(Push("e", 1), "");
  EXPECT_EQ(Ask(), " 0");
  EXPECT_EQ(Answer("", 0, 0), "ends, lost");
  EXPECT_EQ(mirror_.position(), std::nullopt);
}

TEST_F(AMirror, ReportsEachLossOfAHistoryThatItNeverSaw) {
  OpenWithoutHistory();
  for (const char* const epoch : {"e", "f"}) {
    EXPECT_EQ(Text(mirror_.OnHistory(epoch, {})), "");
    EXPECT_EQ(Push(epoch, 1), "");
    EXPECT_EQ(Text(mirror_.OnHistory("", {epoch, 1})), "");
    EXPECT_EQ(Ask(), " 0");
    EXPECT_EQ(Answer("", 0, 0), "ends, lost") << epoch;
    EXPECT_EQ(Ask(), "nothing");
  }
}

TEST_F(AMirror, ReportsTheLossOfAHistoryThatItCouldNotHold) {
  for (const char* const end : {"", "f"}) {
    mirror_ = Mirror({.size = 4});
    OpenWithoutHistory();
    EXPECT_EQ(Text(mirror_.OnHistory("e", {})), "");
    mirror_.OnPublication("e", Large(1));
    mirror_.OnPublication("e", Large(2));
    EXPECT_EQ(Text(mirror_.OnHistory(end, {"e", 2})), "");
    EXPECT_EQ(Ask(), " 0");
    EXPECT_THAT(Answer(end, 0, 0), ::testing::EndsWith(", lost")) << end;
  }
}

TEST_F(AMirror, AsksAgainForDroppedPushesOfTheEpochThatBegins) {
  OpenWithoutHistory();
  EXPECT_EQ(Text(mirror_.OnHistory("e", {})), "");
  mirror_.OnPublication("e", Large(1));
  mirror_.OnPublication("e", Large(2));
  EXPECT_EQ(Ask(), " 0");
  EXPECT_EQ(Answer("e", 0, 1), "e begins at 0 | 1");
  EXPECT_EQ(Ask(), "e 1");
  EXPECT_EQ(Answer("e", 1, 2), "2");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, ReportsTheLossOfTheEndOfAHistory) {
  Open("e", 0, 2);
  EXPECT_EQ(Text(mirror_.OnHistory("", {"e", 4})), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("", 0, 0), "ends, lost");
}

TEST_F(AMirror, EndsAHistory) {
  Open("e", 0, 2);
  EXPECT_EQ(Text(mirror_.OnHistory("", {"e", 2})), "");
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("a"))), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("", 0, 0), "ends | a");
  EXPECT_EQ(mirror_.position(), std::nullopt);
  EXPECT_EQ(Text(mirror_.OnHistory("", {"e", 2})), "");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, DropsPushesOfAnEpochThatIsOver) {
  Open("e", 0, 2);
  EXPECT_EQ(Push("f", 1), "");
  EXPECT_EQ(Ask(), "e 2");
  // The answer is ahead of the pushes in flight: the rest of `f`, and `g`.
  EXPECT_EQ(Answer("g", 0, 2), "g begins at 0, lost | 1 | 2");
  EXPECT_EQ(Push("f", 2), "");
  EXPECT_EQ(Ask(), "g 2") << "it cannot know that";
  EXPECT_EQ(Text(mirror_.OnHistory("g", {"f", 2})), "");
  EXPECT_EQ(Push("g", 1), "");
  EXPECT_EQ(Push("g", 3), "");
  EXPECT_EQ(Answer("g", 2, 2), "3");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, KeepsPushesThatMayBeNewerThanTheAnswer) {
  Open("e", 0, 2);
  Push("e", 4);
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Text(mirror_.OnHistory("f", {"e", 4})), "");
  EXPECT_EQ(Push("f", 1), "");
  EXPECT_EQ(Answer("e", 2, 4), "3 | 4");
  EXPECT_EQ(Ask(), "e 4");
  EXPECT_EQ(Answer("f", 0, 1), "f begins at 0 | 1");
}

}  // namespace
}  // namespace herald::core
