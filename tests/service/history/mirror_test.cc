// SPDX-License-Identifier: Apache-2.0
//
// Single decisions of a mirror. mirror_epochs_test.cc has those about epochs,
// and mirror_simulation_test.cc the rare orders.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/history/mirror_fixture.h"

namespace herald::core {
namespace {

// --- Publications ------------------------------------------------------------

TEST_F(AMirror, TakesTheNextPublicationAndDropsRepeats) {
  Open("e", 0, 0);
  EXPECT_EQ(Push("e", 1), "1");
  EXPECT_EQ(Push("e", 2), "2");
  EXPECT_EQ(Push("e", 2), "");
  EXPECT_EQ(Push("e", 1), "");
  EXPECT_EQ(mirror_.position(), (Position{"e", 2}));
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, BeginsWhereTheLogIsAndDeliversNothingOfThat) {
  ASSERT_TRUE(mirror_.Ask().has_value());
  EXPECT_EQ(mirror_.position(), std::nullopt);
  Mirror::LogAnswer answer = AnswerOf("e", 5, 7);
  answer.roster = VersionedRoster{3, {User("ada")}};
  EXPECT_EQ(Text(mirror_.OnAnswer(answer)), "e begins at 7");
  EXPECT_EQ(mirror_.position(), (Position{"e", 7}));
  EXPECT_EQ(Since(Position{"e", 5}), "6 7");
  EXPECT_EQ(MembersInWords(), "ada");
  EXPECT_EQ(mirror_.version(), 3);
}

TEST_F(AMirror, AppliesPushesFromItsOpeningBehindItsPosition) {
  EXPECT_EQ(Push("e", 6), "");
  EXPECT_EQ(Change(3, "+ada"), "");
  ASSERT_TRUE(mirror_.Ask().has_value());
  EXPECT_EQ(Push("e", 7), "");
  EXPECT_EQ(Push("e", 8), "");
  EXPECT_EQ(Change(4, "-ada"), "");
  Mirror::LogAnswer answer = AnswerOf("e", 5, 7);
  answer.roster = VersionedRoster{3, {User("ada")}};
  EXPECT_EQ(Text(mirror_.OnAnswer(answer)), "-ada | e begins at 7 | 8");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, FillsAGapWithOneQuestion) {
  Open("e", 0, 2);
  EXPECT_EQ(Push("e", 5), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Push("e", 6), "");
  EXPECT_EQ(Ask(), "nothing") << "one at a time";
  EXPECT_EQ(Answer("e", 2, 5), "3 | 4 | 5 | 6");
  EXPECT_EQ(Ask(), "nothing");
  EXPECT_EQ(Push("e", 7), "7");
}

TEST_F(AMirror, DropsRepeatsOfAnAnswer) {
  Open("e", 0, 2);
  Push("e", 4);
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("e", 2, 6), "3 | 4 | 5 | 6");
  EXPECT_EQ(Push("e", 5), "");
  EXPECT_EQ(Push("e", 6), "");
  EXPECT_EQ(Push("e", 7), "7");
}

TEST_F(AMirror, AsksAgainForAGapBehindAGap) {
  Open("e", 0, 2);
  Push("e", 4);
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Push("e", 6), "");
  EXPECT_EQ(Answer("e", 2, 4), "3 | 4");
  EXPECT_EQ(Ask(), "e 4");
  EXPECT_EQ(Answer("e", 4, 6), "5 | 6");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, ReportsEventsThatAreNotAvailableAnyMore) {
  Open("e", 0, 2);
  Push("e", 9);
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Push("e", 10), "");
  EXPECT_EQ(Answer("e", 5, 9), "e begins at 5, lost | 6 | 7 | 8 | 9 | 10");
  EXPECT_EQ(Since(Position{"e", 2}), "lost up to 6");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, PassesPublicationsWithoutANumber) {
  OpenWithoutHistory();
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("a"))), "a");
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("b", true))), "b");
  EXPECT_EQ(mirror_.position(), std::nullopt);
  EXPECT_EQ(Since(std::nullopt), "lost up to 0");
}

TEST_F(AMirror, PassesWhispersOfAChannelWithHistory) {
  Open("e", 0, 2);
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("a", true))), "a");
  EXPECT_EQ(mirror_.position(), (Position{"e", 2}));
}

TEST_F(AMirror, HoldsAllInOrderBehindAGap) {
  Open("e", 0, 2);
  Push("e", 4);
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("a", true))), "");
  EXPECT_EQ(Push("e", 5), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("e", 2, 4), "3 | 4 | a | 5");
}

// --- Members -----------------------------------------------------------------

TEST_F(AMirror, TakesMemberChangesInTheOrderOfTheirVersions) {
  OpenWithoutHistory();
  EXPECT_EQ(Change(1, "+bob"), "+bob");
  EXPECT_EQ(Change(2, "+ada"), "+ada");
  EXPECT_EQ(Change(2, "+ada"), "");
  EXPECT_EQ(MembersInWords(), "ada bob");
  EXPECT_EQ(Change(3, "-bob"), "-bob");
  EXPECT_EQ(MembersInWords(), "ada");
  EXPECT_EQ(mirror_.version(), 3);
}

TEST_F(AMirror, DiscardsAChangeThatChangesNothing) {
  OpenWithoutHistory();
  EXPECT_EQ(Change(1, "+ada"), "+ada");
  EXPECT_EQ(Change(2, "+ada"), "");
  EXPECT_EQ(Change(3, "-bob"), "");
  EXPECT_EQ(mirror_.version(), 3);
}

TEST_F(AMirror, ReadsTheRosterAgainAfterAHole) {
  OpenWithoutHistory();
  Change(1, "+ada");
  Change(2, "+bob");
  EXPECT_EQ(Change(5, "+dan"), "");
  EXPECT_EQ(Ask(), "roster");
  EXPECT_EQ(Change(6, "-cyd"), "");
  EXPECT_EQ(AnswerRoster(5, {User("bob"), User("cyd"), User("dan")}),
            "-ada | +cyd | +dan | -cyd");
  EXPECT_EQ(MembersInWords(), "bob dan");
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, ReportsManyChangesAsOne) {
  OpenWithoutHistory();
  std::vector<v1::Member> members;
  for (size_t i = 0; i < Mirror::kRosterChangesMax; ++i) {
    members.push_back(User(absl::StrCat("user-", i)));
  }
  mirror_.Compare({}, 1);
  EXPECT_EQ(Ask(), "roster");
  EXPECT_THAT(AnswerRoster(1, members), ::testing::HasSubstr("+user-99"));
  members.push_back(User("ada"));
  members.erase(members.begin(), members.begin() + 100);
  mirror_.Compare({}, 2);
  EXPECT_EQ(Ask(), "roster");
  EXPECT_EQ(Change(3, "+bob"), "");
  EXPECT_EQ(AnswerRoster(2, members), "others at 0");
  EXPECT_EQ(MembersInWords(), "ada bob");
}

TEST_F(AMirror, ReportsAUserThatHasReturnedAsAnother) {
  OpenWithoutHistory();
  Change(1, "+ada");
  Change(4, "+bob");
  EXPECT_EQ(Ask(), "roster");
  EXPECT_EQ(AnswerRoster(4, {User("ada", "2"), User("bob")}),
            "-ada | +ada | +bob");
  EXPECT_EQ(MembersInWords(), "ada2 bob");
}

TEST_F(AMirror, TakesPublicationsWhileItAsksForTheRoster) {
  Open("e", 0, 2);
  Change(2, "+ada");
  EXPECT_EQ(Ask(), "roster");
  EXPECT_EQ(Push("e", 3), "3");
  EXPECT_EQ(Push("e", 5), "");
  EXPECT_EQ(Ask(), "nothing") << "one at a time";
  EXPECT_EQ(AnswerRoster(2, {User("ada")}), "+ada");
  EXPECT_EQ(Ask(), "e 3");
  EXPECT_EQ(Answer("e", 3, 5), "4 | 5");
}

// --- Connections -------------------------------------------------------------

TEST_F(AMirror, FindsMissedEventsAfterItWasCutOff) {
  Open("e", 0, 2);
  mirror_.OnDisconnect();
  EXPECT_EQ(Ask(), "nothing");
  mirror_.Compare({"e", 2}, 0);
  EXPECT_EQ(Ask(), "nothing") << "it has missed nothing";
  mirror_.Compare({"e", 4}, 2);
  EXPECT_EQ(Ask(), "e 2 and roster");
  Mirror::LogAnswer answer = AnswerOf("e", 2, 4);
  answer.roster = VersionedRoster{2, {User("ada")}};
  EXPECT_EQ(Text(mirror_.OnAnswer(answer)), "+ada | 3 | 4");
}

TEST_F(AMirror, ForgetsAQuestionThatIsNotAnswered) {
  Open("e", 0, 2);
  Push("e", 4);
  EXPECT_EQ(Ask(), "e 2");
  Push("e", 5);
  mirror_.OnDisconnect();
  EXPECT_EQ(Push("e", 6), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("e", 2, 6), "3 | 4 | 5 | 6");
}

TEST_F(AMirror, OpensOnAnotherConnectionIfTheFirstWasCut) {
  Push("e", 1);
  ASSERT_TRUE(mirror_.Ask().has_value());
  mirror_.OnDisconnect();
  EXPECT_FALSE(mirror_.is_open());
  Open("e", 0, 2);
  EXPECT_EQ(Push("e", 3), "3");
}

TEST_F(AMirror, IsAheadOfAComparisonThatIsLate) {
  Open("e", 0, 2);
  Push("e", 3);
  mirror_.Compare({"e", 2}, 0);
  EXPECT_EQ(Ask(), "nothing");
}

TEST_F(AMirror, AsksAgainForDroppedPushes) {
  Open("e", 0, 2);
  Push("e", 4);
  EXPECT_EQ(Ask(), "e 2");
  constexpr auto kMany = static_cast<int64_t>(Mirror::kHeldMax) + 10;
  for (int64_t i = 5; i < kMany; ++i) Push("e", i);
  EXPECT_EQ(Answer("e", 3, 4).substr(0, 20), "e begins at 3, lost ");
  EXPECT_EQ(Ask(), absl::StrCat("e ", Mirror::kHeldMax + 3));
  EXPECT_NE(Answer("e", Mirror::kHeldMax + 3, kMany), "");
  EXPECT_EQ(Ask(), "nothing");
  EXPECT_EQ(mirror_.position(), (Position{"e", kMany}));
}

TEST_F(AMirror, HoldsNoMoreThanItsBytes) {
  Open("e", 0, 2);
  mirror_.OnHistory("", {"e", 2});
  EXPECT_EQ(Ask(), "e 2");
  const std::string large(Mirror::kHeldBytesMax / 2, 'x');
  mirror_.OnPublication("", Plain(large));
  mirror_.OnPublication("", Plain(large));
  mirror_.OnPublication("", Plain("y"));
  const Mirror::Events events = mirror_.OnAnswer(AnswerOf("", 0, 0));
  EXPECT_EQ(events.size(), 4u);
  EXPECT_EQ(InWords()(std::get<Mirror::HistoryEnded>(events[0])), "ends");
  EXPECT_EQ(InWords()(std::get<Mirror::HistoryEnded>(events[3])), "ends, lost");
  EXPECT_EQ(Ask(), " 0") << "for dropped pushes";
  EXPECT_EQ(Answer("", 0, 0), "");
  EXPECT_EQ(Text(mirror_.OnPublication("", Plain("z"))), "z");
}

// --- Reading -----------------------------------------------------------------

TEST_F(AMirror, KeepsTheEndOfTheHistory) {
  Open("e", 0, 2);
  for (int i = 3; i <= 6; ++i) Push("e", i);
  EXPECT_EQ(Since(Position{"e", 6}), "");
  EXPECT_EQ(Since(Position{"e", 2}), "3 4 5 6");
  EXPECT_EQ(Since(Position{"e", 1}), "lost up to 2");
  EXPECT_EQ(Since(Position{"e", 7}), "lost up to 2");
  EXPECT_EQ(Since(Position{"f", 6}), "lost up to 0");
  EXPECT_EQ(Since(Position()), "6") << "the latest";
  EXPECT_EQ(Since(std::nullopt), "3 4 5 6");
  EXPECT_EQ(mirror_.Since(std::nullopt, 2, kStoredAt).chunks.size(), 2u);
  mirror_.SetLimits({.size = 2});
  EXPECT_EQ(Since(std::nullopt), "5 6");
}

TEST_F(AMirror, GivesNothingThatIsOutOfTime) {
  Open("e", 0, 0);
  mirror_.OnPublication("e", Numbered(1, kStoredAt));
  mirror_.OnPublication("e", Numbered(2, kStoredAt + absl::Seconds(30)));
  EXPECT_EQ(Since(std::nullopt, kStoredAt + absl::Seconds(59)), "1 2");
  EXPECT_EQ(Since(std::nullopt, kStoredAt + absl::Seconds(60)), "2");
  EXPECT_EQ(Since(Position{"e", 2}, kStoredAt + absl::Hours(1)), "");
  EXPECT_EQ(Since(Position(), kStoredAt + absl::Hours(1)), "lost up to 2");
}

}  // namespace
}  // namespace herald::core
