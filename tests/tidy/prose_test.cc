// SPDX-License-Identifier: Apache-2.0
//
// Shows which text of a file counts as prose, and how its words are counted.

#include "tests/tidy/prose.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// All words of `prose`, in order.
std::string Words(const Prose& prose) {
  return absl::StrJoin(WordsOf(absl::StrJoin(prose.lines, "\n")), " ");
}

std::string CommentWords(absl::string_view text) {
  return Words(CommentsOf("a/b.cc", text));
}

std::string PageWords(absl::string_view text) {
  return Words(PageOf("README.md", text));
}

// A file of room `room` with `words` words, the first `hits` of them `foo`.
Prose FileWith(int words, int hits, const std::string& room = "a/") {
  std::vector<std::string> lines(static_cast<size_t>(words), "word");
  for (int i = 0; i < hits; ++i) lines[static_cast<size_t>(i)] = "foo";
  return {room, room + "b.cc", lines};
}

TEST(Comments, AreTheProseOfSources) {
  EXPECT_EQ(CommentWords("// One two.\nint a;  // Three.\n"), "one two three");
  EXPECT_EQ(CommentWords("/// One.\n/* A block. */ F(/*b=*/1);\n"), "one");
  EXPECT_EQ(CommentWords("syntax = \"proto3\";\n// One.\nstring a = 1;\n"),
            "one");
}

TEST(Comments, AreNotCodeAndNotLiterals) {
  for (const char* text :
       {"int what = 0;\n", "F(\"// what\");\n", "F(R\"x(// what)x\");\n",
        "F('\"'); G(\"// what\");\n", "F(1'000); G(\"'// what\");\n"}) {
    EXPECT_EQ(CommentWords(text), "") << text;
  }
}

TEST(Comments, KeepTheirLines) {
  const Prose prose = CommentsOf("a/b.cc", "int a;\n\n// One.\n");
  EXPECT_THAT(prose.lines, SizeIs(3));
  EXPECT_THAT(WordsOf(prose.lines[2]), ElementsAre("one"));
}

TEST(TestNames, AreProse) {
  EXPECT_EQ(CommentWords("TEST(AHub, IsUp) { F(WhatFor); }  // One.\n"),
            "one a hub is up");
  EXPECT_EQ(CommentWords("TEST_F(AHub,\n       Waits2Times) {\nF(What);\n}\n"),
            "a hub waits2 times");
  EXPECT_EQ(CommentWords("  TEST(What, For);\nCONTEST(What);\n"), "");
}

TEST(Comments, AreReadInTheLanguageOfTheirFile) {
  const char* text = "// One.\n# Two.\n/* Three. */\n";
  for (const char* path : {"a.h", "a.cc", "a.proto"}) {
    EXPECT_EQ(Words(CommentsOf(path, text)), "one") << path;
  }
  for (const char* path : {"a.mjs", "a.mts", "a.ts"}) {
    EXPECT_EQ(Words(CommentsOf(path, text)), "one three") << path;
  }
  for (const char* path :
       {"a.py", "a.sh", "a.cmake", "a/CMakeLists.txt", "dev"}) {
    EXPECT_EQ(Words(CommentsOf(path, text)), "two") << path;
  }
}

TEST(CodeSpans, AreNotProse) {
  EXPECT_EQ(CommentWords("// One `what` two.\n"), "one two");
  EXPECT_EQ(CommentWords("// One `what` `whom`\n"), "one");
  EXPECT_EQ(CommentWords("// One ``what ` whom`` two.\n"), "one two");
  EXPECT_EQ(CommentWords("// One ` two.\n"), "one two");
  EXPECT_EQ(CommentWords("// One ``\n"), "one");
  EXPECT_EQ(PageWords("One `what` two.\n"), "one two");
}

TEST(APage, IsProseOutsideOfCodeBlocks) {
  EXPECT_EQ(PageWords("# One\n```sh\nwhat\n```\ntwo\n"), "one two");
  EXPECT_EQ(PageWords("One\n  ```\n  what\n  ```\ntwo\n"), "one two");
  EXPECT_EQ(PageWords("One\n~~~\nwhat\n~~~\ntwo\n"), "one two");
}

TEST(AChangelog, IsMeasuredInItsUnreleasedSection) {
  const char* text =
      "# Changelog\n## 0.2.0, unreleased\nOne\n### Two\n```\n## x\n```\n"
      "three\n## 0.1.0\nfour\n";
  EXPECT_EQ(Words(PageOf("CHANGELOG.md", text)), "unreleased one two three");
  EXPECT_EQ(Words(PageOf("other.md", "## One\ntwo\n")), "one two");
}

TEST(ARoom, IsTheFolderOfASourceOrOnePage) {
  EXPECT_EQ(CommentsOf("a/b/c.cc", "").room, "a/b/");
  EXPECT_EQ(CommentsOf("a/b/c.proto", "").room, "a/b/");
  EXPECT_EQ(CommentsOf("dev", "").room, "");
  EXPECT_EQ(PageOf("a/README.md", "").room, "a/README.md");
}

TEST(Words, AreInLowerCaseAndWithoutPossession) {
  EXPECT_THAT(WordsOf("Who's the user's? Don't: a_b, 12 c3 ' -"),
              ElementsAre("who", "the", "user", "don't", "a_b", "c3"));
}

TEST(AWordRate, IsPerThousandWordsOfARoom) {
  const WordRate rate{{"foo", "bar"}, 2};
  EXPECT_THAT(CheckWordRate({FileWith(1000, 2)}, rate), IsEmpty());
  EXPECT_THAT(CheckWordRate({FileWith(1000, 3)}, rate), SizeIs(1 + 3));
  EXPECT_THAT(CheckWordRate({FileWith(1499, 3)}, rate), SizeIs(1 + 3));
  EXPECT_THAT(CheckWordRate({FileWith(1500, 3)}, rate), IsEmpty());
  EXPECT_THAT(CheckWordRate({FileWith(499, 1)}, rate), SizeIs(1 + 1));
  EXPECT_THAT(CheckWordRate({}, rate), IsEmpty());
}

TEST(AWordRate, CountsTheFilesOfARoomTogether) {
  const WordRate rate{{"foo"}, 1};
  EXPECT_THAT(CheckWordRate({FileWith(500, 1), FileWith(500, 0)}, rate),
              IsEmpty());
  EXPECT_THAT(CheckWordRate({FileWith(500, 1), FileWith(500, 0, "z/")}, rate),
              SizeIs(1 + 1));
}

TEST(AWordRate, CountsWholeWordsAndNamesEachLine) {
  const WordRate rate{{"foo", "bar"}, 1};
  const Prose file{"a/", "a/b.cc", {"Foo, food.", "", "A bar. Foobar foo_"}};
  EXPECT_THAT(CheckWordRate({file}, rate),
              ElementsAre("a/: the words of `foo` stand 2 times in 6 words; at "
                          "most 0",
                          "a/b.cc:1: `foo`", "a/b.cc:3: `bar`"));
}

TEST(TheBannedWords, AreInLowerCase) {
  for (const WordRate& rate : kWordRates) {
    for (const std::string& word : rate.words) {
      EXPECT_THAT(WordsOf(word), ElementsAre(word));
    }
  }
}

}  // namespace
}  // namespace herald::tidy
