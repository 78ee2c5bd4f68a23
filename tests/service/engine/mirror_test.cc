// SPDX-License-Identifier: Apache-2.0
//
// Single decisions of a mirror. mirror_simulation_test.cc has the rare orders.

#include "service/engine/mirror.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "service/channel/encoding.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

const absl::Time kStoredAt = absl::FromUnixSeconds(1000);

Mirror::Entry Numbered(int64_t offset, absl::Time time = kStoredAt) {
  auto publication = std::make_shared<Publication>();
  publication->data = absl::StrCat(offset);
  publication->offset = offset;
  return {std::move(publication), time};
}

Mirror::Entry Plain(const std::string &data, bool whisper = false) {
  auto publication = std::make_shared<Publication>();
  publication->data = data;
  publication->whisper = whisper;
  return {std::move(publication), kStoredAt};
}

v1::Member User(const std::string &id, const std::string &info = "") {
  v1::Member member;
  member.set_user_id(id);
  member.set_user_info(info);
  return member;
}

// An answer with all of (since, until].
Mirror::Answer AnswerOf(const std::string &epoch, int64_t since,
                        int64_t until) {
  Mirror::Answer answer;
  answer.position = {epoch, until};
  answer.since = since;
  for (int64_t i = since + 1; i <= until; ++i) {
    answer.entries.push_back(Numbered(i));
  }
  return answer;
}

struct InWords {
  std::string operator()(const PublicationPtr &publication) const {
    return publication->data;
  }
  std::string operator()(const Mirror::HistoryBegan &began) const {
    return absl::StrCat(began.position.epoch, " begins at ",
                        began.position.offset, began.lost ? ", lost" : "");
  }
  std::string operator()(const Mirror::HistoryEnded &ended) const {
    return ended.lost ? "ends, lost" : "ends";
  }
  std::string operator()(const Mirror::MemberAdded &added) const {
    return "+" + added.member.user_id();
  }
  std::string operator()(const Mirror::MemberRemoved &removed) const {
    return "-" + removed.user_id;
  }
};

std::string Text(const Mirror::Events &events) {
  std::vector<std::string> words;
  for (const Mirror::Event &event : events) {
    words.push_back(std::visit(InWords(), event));
  }
  return absl::StrJoin(words, " | ");
}

class AMirror : public ::testing::Test {
protected:
  // Opens it where the log has these, and no members.
  void Open(const std::string &epoch, int64_t since, int64_t until) {
    const auto question = mirror_.Ask();
    ASSERT_TRUE(question.has_value());
    EXPECT_EQ(question->since, Position());
    EXPECT_TRUE(question->roster);
    Mirror::Answer answer = AnswerOf(epoch, since, until);
    answer.roster.emplace();
    mirror_.OnAnswer(std::move(answer));
    ASSERT_TRUE(mirror_.is_open());
  }
  void OpenWithoutHistory() { Open("", 0, 0); }

  std::string Push(const std::string &epoch, int64_t offset) {
    return Text(mirror_.OnPublication(epoch, Numbered(offset)));
  }
  std::string Change(int64_t version, const std::string &change) {
    return Text(
        mirror_.OnMember({version, change[0] == '+', User(change.substr(1))}));
  }
  // What it asks for: `e 3`, `roster`, `nothing`.
  std::string Ask() {
    const std::optional<Mirror::Question> question = mirror_.Ask();
    if (!question.has_value())
      return "nothing";
    std::vector<std::string> words;
    if (question->since.has_value()) {
      words.push_back(
          absl::StrCat(question->since->epoch, " ", question->since->offset));
    }
    if (question->roster)
      words.emplace_back("roster");
    return absl::StrJoin(words, " and ");
  }
  std::string Answer(const std::string &epoch, int64_t since, int64_t until) {
    return Text(mirror_.OnAnswer(AnswerOf(epoch, since, until)));
  }
  std::string AnswerRoster(int64_t version,
                           const std::vector<v1::Member> &members) {
    Mirror::Answer answer;
    answer.roster = Mirror::Roster{version, members};
    return Text(mirror_.OnAnswer(std::move(answer)));
  }
  std::string Since(const std::optional<Position> &since,
                    absl::Time now = kStoredAt) {
    const Missed missed = mirror_.Since(since, 1000, now);
    if (!missed.available) {
      return absl::StrCat("lost up to ", missed.available_since);
    }
    std::vector<std::string> words;
    for (const Chunk &chunk : missed.chunks) {
      words.push_back(DecodeEvent(chunk)->data());
      EXPECT_EQ(words.back(), absl::StrCat(missed.since + words.size()));
    }
    return absl::StrJoin(words, " ");
  }
  std::string MembersInWords() {
    std::vector<std::string> words;
    for (const v1::PresentMember &member : mirror_.Members()) {
      words.push_back(member.user_id() + member.user_info());
    }
    EXPECT_EQ(mirror_.member_count(), static_cast<int64_t>(words.size()));
    return absl::StrJoin(words, " ");
  }

  Mirror mirror_{{.size = 4, .ttl = absl::Minutes(1)}};
};

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
  Mirror::Answer answer = AnswerOf("e", 5, 7);
  answer.roster = Mirror::Roster{3, {User("ada")}};
  EXPECT_EQ(Text(mirror_.OnAnswer(answer)), "e begins at 7");
  EXPECT_EQ(mirror_.position(), (Position{"e", 7}));
  EXPECT_EQ(Since(Position{"e", 5}), "6 7");
  EXPECT_EQ(MembersInWords(), "ada");
  EXPECT_EQ(mirror_.version(), 3);
}

TEST_F(AMirror, AppliesWhatCameWhileItOpenedFromItsPositionOn) {
  EXPECT_EQ(Push("e", 6), "");
  EXPECT_EQ(Change(3, "+ada"), "");
  ASSERT_TRUE(mirror_.Ask().has_value());
  EXPECT_EQ(Push("e", 7), "");
  EXPECT_EQ(Push("e", 8), "");
  EXPECT_EQ(Change(4, "-ada"), "");
  Mirror::Answer answer = AnswerOf("e", 5, 7);
  answer.roster = Mirror::Roster{3, {User("ada")}};
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

TEST_F(AMirror, ReportsWhatIsNotAvailableAnyMore) {
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

// --- Epochs ------------------------------------------------------------------

TEST_F(AMirror, LosesNothingIfItHasAllOfTheEpochBefore) {
  Open("e", 0, 2);
  EXPECT_EQ(Text(mirror_.OnHistory("f", {"e", 2})), "");
  EXPECT_EQ(Push("f", 1), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("f", 0, 1), "f begins at 0 | 1");
}

TEST_F(AMirror, LosesTheBeginningOfAnEpochThatIsNotAvailable) {
  Open("e", 0, 2);
  EXPECT_EQ(Text(mirror_.OnHistory("f", {"e", 2})), "");
  EXPECT_EQ(Ask(), "e 2");
  EXPECT_EQ(Answer("f", 5, 6), "f begins at 5, lost | 6");
}

TEST_F(AMirror, BeginsAnewInAnotherEpochAndReportsTheLoss) {
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

TEST_F(AMirror, TakesAllOfAnEpochWhoseBeginningItMissed) {
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
  // The answer is ahead of what is on its way: the rest of `f`, and `g`.
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

TEST_F(AMirror, FindsWhatItMissedWhileItWasCutOff) {
  Open("e", 0, 2);
  mirror_.OnDisconnect();
  EXPECT_EQ(Ask(), "nothing");
  mirror_.Compare({"e", 2}, 0);
  EXPECT_EQ(Ask(), "nothing") << "it has missed nothing";
  mirror_.Compare({"e", 4}, 2);
  EXPECT_EQ(Ask(), "e 2 and roster");
  Mirror::Answer answer = AnswerOf("e", 2, 4);
  answer.roster = Mirror::Roster{2, {User("ada")}};
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

TEST_F(AMirror, AsksAgainForWhatItCouldNotHold) {
  Open("e", 0, 2);
  Push("e", 4);
  EXPECT_EQ(Ask(), "e 2");
  constexpr auto kMany = static_cast<int64_t>(Mirror::kHeldMax) + 10;
  for (int64_t i = 5; i < kMany; ++i)
    Push("e", i);
  EXPECT_EQ(Answer("e", 3, 4).substr(0, 20), "e begins at 3, lost ");
  EXPECT_EQ(Ask(), absl::StrCat("e ", Mirror::kHeldMax + 3));
  EXPECT_NE(Answer("e", Mirror::kHeldMax + 3, kMany), "");
  EXPECT_EQ(Ask(), "nothing");
  EXPECT_EQ(mirror_.position(), (Position{"e", kMany}));
}

// --- Reading -----------------------------------------------------------------

TEST_F(AMirror, KeepsTheEndOfTheHistory) {
  Open("e", 0, 2);
  for (int i = 3; i <= 6; ++i)
    Push("e", i);
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

} // namespace
} // namespace herald::core
