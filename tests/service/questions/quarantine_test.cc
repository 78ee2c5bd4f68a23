// SPDX-License-Identifier: Apache-2.0

#include "service/questions/quarantine.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/service/questions/questions.h"

namespace herald::authorizer {
namespace {

TEST(AQuarantine, IsForTheSocketForAMinute) {
  Quarantine quarantine;
  EXPECT_FALSE(quarantine.HasSocketOf(*Ask("a", "1.1", "x"), At(0)));
  quarantine.Add(*Ask("a", "1.1", "x"), At(0));
  EXPECT_TRUE(quarantine.HasSocketOf(*Ask("a", "1.1", "y"), At(59)));
  EXPECT_FALSE(quarantine.HasSocketOf(*Ask("a", "1.2", "x"), At(59)));
  EXPECT_FALSE(quarantine.HasSocketOf(*Ask("a", "1.1", "x"), At(60)));
}

TEST(AQuarantine, WatchesAnAddressOfSeveralSuchSocketsForAMinute) {
  Quarantine quarantine;
  for (int i = 0; i < Quarantine::kSockets; ++i) {
    EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(i)));
    quarantine.Add(*Ask("a", absl::StrCat("1.", i), "x"), At(i));
  }
  const double last = Quarantine::kSockets - 1;
  EXPECT_TRUE(quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(last)));
  EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("b", "1.7", "x"), At(last)));
  EXPECT_TRUE(
      quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(last + 59)));
  EXPECT_FALSE(
      quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(last + 60)));
}

TEST(AQuarantine, WatchesNoAddressForOneSocket) {
  Quarantine quarantine;
  for (int i = 0; i < 100; ++i) {
    quarantine.Add(*Ask("a", "1.1", "x"), At(i));
    EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("a", "1.2", "x"), At(i)));
  }
}

TEST(AQuarantine, WatchesNoAddressThatIsNotKnown) {
  Quarantine quarantine;
  for (int i = 0; i < 10; ++i) {
    quarantine.Add(*Ask("", absl::StrCat("1.", i), "x"), At(0));
  }
  EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("", "1.77", "x"), At(0)));
}

// A suspect; a stream that had it broke at `struck`.
QuestionPtr Struck(const std::string& address, const std::string& socket,
                   double struck, bool connection_stood = true) {
  QuestionPtr question = Ask(address, socket, "x");
  question->strikes = 1;
  question->struck = At(struck);
  question->connection_stood = connection_stood;
  return question;
}

TEST(AQuarantine, KeepsASuspectUntilItIsAnswered) {
  Quarantine quarantine;
  const QuestionPtr question = Struck("a", "1.1", 0);
  quarantine.Suspect(*question, At(0));
  EXPECT_TRUE(quarantine.HasSocketOf(*question, At(59)));
  EXPECT_FALSE(quarantine.HasSocketOf(*Ask("a", "1.2", "x"), At(1)));
  EXPECT_FALSE(quarantine.HasSocketOf(*question, At(60)));

  quarantine.Suspect(*question, At(100));
  quarantine.OnAnswered(*question);
  EXPECT_FALSE(quarantine.HasSocketOf(*question, At(100)));
  EXPECT_TRUE(quarantine.IsEmpty(At(100)));
}

TEST(AQuarantine, ReleasesASocketForAnAnswerOnlyOnce) {
  Quarantine quarantine;
  const QuestionPtr question = Struck("a", "1.1", 0);
  quarantine.OnUnanswered(*question, At(1));
  EXPECT_TRUE(quarantine.HasSocketOf(*question, At(1)));
  quarantine.OnAnswered(*question);
  EXPECT_FALSE(quarantine.HasSocketOf(*question, At(1)));

  question->struck = At(5);
  quarantine.OnUnanswered(*question, At(6));
  quarantine.OnAnswered(*question);
  EXPECT_TRUE(quarantine.HasSocketOf(*question, At(65)));
  EXPECT_FALSE(quarantine.HasSocketOf(*question, At(66)));
}

TEST(AQuarantine, CountsTheQuestionsOfOneBreakOnce) {
  Quarantine quarantine;
  for (int i = 0; i < 10; ++i) {
    quarantine.OnUnanswered(*Struck("a", "1.1", 0.01 * i), At(1));
  }
  quarantine.OnAnswered(*Ask("a", "1.1", "x"));
  EXPECT_FALSE(quarantine.HasSocketOf(*Ask("a", "1.1", "x"), At(1)));
}

TEST(AQuarantine, DoesNotReleaseAPoisonerForAnAnswer) {
  Quarantine quarantine;
  quarantine.Add(*Ask("a", "1.1", "x"), At(0));
  quarantine.OnAnswered(*Ask("a", "1.1", "x"));
  EXPECT_TRUE(quarantine.HasSocketOf(*Ask("a", "1.1", "x"), At(59)));
}

TEST(AQuarantine, RemembersThatASuspectWasExcused) {
  Quarantine quarantine;
  const QuestionPtr question = Struck("a", "1.1", 0);
  quarantine.OnUnanswered(*question, At(1));
  EXPECT_FALSE(quarantine.HasExcused(*question, At(1)));
  question->excused = true;
  quarantine.OnUnanswered(*question, At(2));
  EXPECT_TRUE(quarantine.HasExcused(*question, At(2)));
  quarantine.OnAnswered(*question);
  EXPECT_FALSE(quarantine.HasExcused(*question, At(2)));
}

TEST(AQuarantine, WatchesAnAddressOfOneSuspectAfterTheOther) {
  Quarantine quarantine;
  for (int i = 0; i < Quarantine::kSockets; ++i) {
    EXPECT_FALSE(quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(2 * i)));
    const std::string socket = absl::StrCat("1.", i);
    quarantine.OnUnanswered(*Struck("a", socket, 2 * i), At(2 * i));
  }
  const double last = 2 * (Quarantine::kSockets - 1);
  EXPECT_TRUE(
      quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(last + 59)));
  EXPECT_FALSE(
      quarantine.WatchesAddressOf(*Ask("a", "1.7", "x"), At(last + 60)));
}

TEST(AQuarantine, WatchesNoAddressForTheSuspectsOfOneBreakOrOfRestarts) {
  Quarantine quarantine;
  for (int i = 0; i < 10; ++i) {
    const std::string socket = absl::StrCat("1.", i);
    quarantine.OnUnanswered(*Struck("broken", socket, 0), At(2 * i));
    quarantine.OnUnanswered(*Struck("restarted", socket, 2 * i, false),
                            At(2 * i));
  }
  EXPECT_FALSE(
      quarantine.WatchesAddressOf(*Ask("broken", "1.77", "x"), At(18)));
  EXPECT_FALSE(
      quarantine.WatchesAddressOf(*Ask("restarted", "1.77", "x"), At(18)));
}

TEST(AQuarantine, IsBounded) {
  Quarantine quarantine;
  for (size_t i = 0; i < 2 * Quarantine::kSourcesMax; ++i) {
    quarantine.Add(*Ask(absl::StrCat("a", i), "1.1", "x"), At(0));
  }
  EXPECT_LE(quarantine.size(), Quarantine::kSourcesMax);
}

}  // namespace
}  // namespace herald::authorizer
