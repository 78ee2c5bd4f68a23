// SPDX-License-Identifier: Apache-2.0
//
// Shows which text of a script or build file counts as prose.

#include "tests/tidy/script_prose.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/tidy/prose.h"

namespace herald::tidy {
namespace {

std::string JavaScriptWords(absl::string_view text) {
  return absl::StrJoin(WordsOf(JavaScriptProse(text)), " ");
}

std::string HashWords(absl::string_view text) {
  return absl::StrJoin(WordsOf(HashProse(text)), " ");
}

TEST(JavaScript, HasItsCommentsAsProse) {
  EXPECT_EQ(JavaScriptWords("// One.\nlet a = 1; // Two.\n"), "one two");
  EXPECT_EQ(JavaScriptWords("/** One. */ f(/* two */ a);\n"), "one two");
  EXPECT_EQ(JavaScriptWords("/**\n * One\n * two.\n */\nf();\n"), "one two");
  EXPECT_EQ(JavaScriptWords("let a = b / c; // One's / two\n"), "one two");
}

TEST(JavaScript, HasNoProseInCodeAndLiterals) {
  for (const char* text :
       {"let what;\n", "f(\"// what\");\n",
        "f('/* what */', \"\\\"// what\");\n", "f(`// what\n// what`);\n",
        "f(`${a ? `b` : {}}// what`);\n", "f(/[/\"'`]\\/ // what/);\n",
        "return /\"/.test(a, \"// what\");\n",
        "const f = (a) => /'/.test(a) && '// what';\n"}) {
    EXPECT_EQ(JavaScriptWords(text), "") << text;
  }
}

TEST(JavaScript, HasTheNamesOfItsTestsAsProse) {
  EXPECT_EQ(JavaScriptWords("test(\"one two\", () => f(\"what\"));\n"),
            "one two");
  EXPECT_EQ(JavaScriptWords("await t.test(\n  'one', f);\n"), "one");
  EXPECT_EQ(JavaScriptWords("test(`a ${what} b ${f({})} c`, f);\n"), "a b c");
  EXPECT_EQ(JavaScriptWords("contest(\"what\");\n"), "");
}

TEST(HashComments, AreProse) {
  EXPECT_EQ(HashWords("# One.\na = 1  # Two, don't.\n"), "one two don't");
  EXPECT_EQ(HashWords("#!/usr/bin/env bash\n# One.\n"), "one");
}

TEST(HashComments, AreNeitherCodeNorLiterals) {
  for (const char* text :
       {"what()\n", "echo ${#what} $#what\n", "f(\"a # what\")\n",
        "f('a # what', \"\\\" # what\")\n", "f(a, \"\"\"\n# what\n\"\"\")\n"}) {
    EXPECT_EQ(HashWords(text), "") << text;
  }
}

TEST(Docstrings, AreProse) {
  EXPECT_EQ(HashWords("def f():\n    \"\"\"One\n    two.\"\"\"\n    g()\n"),
            "one two");
  EXPECT_EQ(HashWords("a = \"\"\"what\"\"\"\n"), "");
}

TEST(TestFunctions, AreProseByTheirNames) {
  EXPECT_EQ(HashWords("    def test_one_is_two(self):\n        what()\n"),
            "one is two");
  EXPECT_EQ(HashWords("def what():\n"), "");
}

TEST(ScriptProse, KeepsItsLines) {
  const std::string text = "\n`a\nb`\n\"\"\"\nc\n\"\"\" # d\n\\";
  for (const std::string& prose : {JavaScriptProse(text), HashProse(text)}) {
    EXPECT_EQ(prose.size(), text.size());
    EXPECT_EQ(std::count(prose.begin(), prose.end(), '\n'),
              std::count(text.begin(), text.end(), '\n'));
  }
}

}  // namespace
}  // namespace herald::tidy
