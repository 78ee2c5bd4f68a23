// SPDX-License-Identifier: Apache-2.0
//
// Holds the whole tree to rooms.h, budgets.h and generic_names.h.
// The other tests here prove that the checks find violations, and that prose is
// read in each language.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tidy/budgets.h"
#include "tests/tidy/checks.h"
#include "tests/tidy/generic_names.h"
#include "tests/tidy/prose.h"
#include "tests/tidy/rooms.h"
#include "tests/tidy/source_file.h"
#include "tests/tidy/type_names.h"

namespace herald::tidy {
namespace {

using ::testing::Gt;
using ::testing::SizeIs;

void ExpectNone(const Findings& findings) {
  EXPECT_TRUE(findings.empty()) << absl::StrJoin(findings, "\n");
}

class TheTree : public ::testing::Test {
 protected:
  // An empty tree would pass every check.
  void SetUp() override { ASSERT_THAT(files_, SizeIs(Gt(50))); }

  // The findings of `check` in all files.
  Findings In(Findings (*check)(const SourceFile&)) const {
    Findings all;
    for (const SourceFile& file : files_) {
      for (std::string& finding : check(file)) {
        all.push_back(std::move(finding));
      }
    }
    return all;
  }

  const std::vector<SourceFile> files_ = ReadTree(HERALD_SOURCE_DIR);
};

TEST_F(TheTree, KeepsItsRoomsApart) { ExpectNone(In(CheckIncludes)); }

TEST_F(TheTree, BeginsWithTheLicenceAndHeadersWithProse) {
  ExpectNone(In(CheckTop));
}

TEST_F(TheTree, GuardsHeadersByTheirPath) { ExpectNone(In(CheckGuard)); }

TEST_F(TheTree, FitsIntoEightyColumns) { ExpectNone(In(CheckColumns)); }

TEST_F(TheTree, HasShortFilesAndShorterFunctions) {
  ExpectNone(In(CheckLength));
}

TEST_F(TheTree, HasNothingThatIsToBeDoneNow) { ExpectNone(In(CheckTodos)); }

TEST_F(TheTree, MeasuresTimeWithMonotonicClocks) {
  ExpectNone(In(CheckTimeOfDay));
}

TEST_F(TheTree, LeavesCloseCodesToDialects) { ExpectNone(In(CheckCloseCodes)); }

TEST_F(TheTree, TestsEverySourceOfItsCores) {
  ExpectNone(CheckMirrors(files_));
}

TEST_F(TheTree, HasOneTypePerName) {
  ExpectNone(CheckTypeNames(files_, kGenericNames));
}

TEST_F(TheTree, HasNoTypesThatBefriendEachOther) {
  ExpectNone(CheckFriends(files_));
}

TEST_F(TheTree, IsWrittenInTheWordsOfTheField) {
  const std::vector<Prose> prose = ReadProse(HERALD_SOURCE_DIR);
  ASSERT_THAT(prose, SizeIs(Gt(files_.size())));
  for (const WordRate& rate : kWordRates) {
    ExpectNone(CheckWordRate(prose, rate));
  }
}

TEST_F(TheTree, KeepsItsBudgets) {
  for (const SourceFile& file : files_) {
    ExpectNone(CheckHasBudget(file, kBudgets));
  }
  for (const Budget& budget : kBudgets) {
    ExpectNone(CheckBudget(files_, budget));
  }
}

}  // namespace
}  // namespace herald::tidy
