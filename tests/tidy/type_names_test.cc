// SPDX-License-Identifier: Apache-2.0

#include "tests/tidy/type_names.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// `name@line`, with a `+` if the type is nested.
std::vector<std::string> Found(absl::string_view text) {
  std::vector<std::string> out;
  for (const TypeDefinition& type : FindTypes(SourceFile("proto/a.h", text))) {
    out.push_back(
        absl::StrCat(type.name, "@", type.line + 1, type.nested ? "+" : ""));
  }
  return out;
}

// The findings in one file of each of two rooms.
Findings Check(absl::string_view service, absl::string_view gateway,
               const std::vector<GenericName>& generic = {}) {
  return CheckTypeNames(
      {SourceFile("service/a.h", service), SourceFile("gateway/b.h", gateway)},
      generic);
}

TEST(Types, AreFoundWithTheirDepth) {
  EXPECT_THAT(Found("namespace a::b {\n"
                    "class A final : public B<int()> {\n"
                    " public:\n"
                    "  enum class Kind : int { kOne };\n"
                    "  union U { int a; };\n"
                    "  using Alias =\n"
                    "      std::vector<int>;\n"
                    "};\n"
                    "template <typename T, class U>\n"
                    "struct Box {};\n"
                    "class ABSL_LOCKABLE ABSL_OTHER(1) Mutex {};\n"
                    "class A::Impl {};\n"
                    "void Run() { struct Local { int a; }; }\n"
                    "struct Last {};\n"
                    "}\n"),
              ElementsAre("A@2", "Kind@4+", "U@5+", "Alias@6+", "Box@9",
                          "Mutex@11", "Impl@12+", "Local@13+", "Last@14"));
}

TEST(Types, AreDefinitionsOnly) {
  EXPECT_THAT(Found("#define MAKE(x) \\\n"
                    "  struct Hidden##x {};\n"
                    "class Declared;\n"
                    "friend class Friend;\n"
                    "struct stat about{};\n"
                    "struct sigaction action = {};\n"
                    "template <>\n"
                    "struct hash<Known> { int a; };\n"
                    "struct tm* Now(struct tm* to) { return to; }\n"
                    "// struct Comment {};\n"
                    "using other::Imported;\n"
                    "using Short = other::Short;\n"
                    "namespace fs = std::filesystem;\n"
                    "using namespace literals;\n"),
              IsEmpty());
}

TEST(ATypeName, ThatTwoTypesHaveIsFound) {
  const std::string one = "struct Outbox {};\n";
  EXPECT_THAT(
      Check(one, "\n\nenum class Outbox { kA };\n"),
      ElementsAre("gateway/b.h:3: Outbox is also a type in service/a.h:1"));
  EXPECT_THAT(Check(one, "class A { struct Outbox {}; };\n"), SizeIs(1));
  EXPECT_THAT(Check("class B { class Outbox; };\nclass B::Outbox {};\n",
                    "class A { struct Outbox {}; };\n"),
              SizeIs(1));
  EXPECT_THAT(Check(one, "using Outbox = std::deque<int>;\n"), SizeIs(1));
  EXPECT_THAT(Check(one, "void Run() { struct Outbox {}; }\n"), SizeIs(1));
}

TEST(ATypeName, OfOneTypeIsNoFinding) {
  EXPECT_THAT(Check("class Outbox;\nclass Outbox {};\n",
                    "class Outbox;\nusing core::Outbox;\n"
                    "using Outbox = core::Outbox;\n"),
              IsEmpty());
  EXPECT_THAT(Check("using Bytes = grpc::ByteBuffer;\n",
                    "using Bytes =\n    grpc::ByteBuffer;\n"),
              IsEmpty());
  EXPECT_THAT(CheckTypeNames({SourceFile("service/a.h", "struct A {};"),
                              SourceFile("tests/a.h", "struct A {};")},
                             {}),
              IsEmpty());
}

TEST(ATypeName, MayBeGenericInAClass) {
  const std::vector<GenericName> generic = {{"Entry", "an element"}};
  const std::string one = "class A { struct Entry {}; };\n";
  EXPECT_THAT(Check(one, "class B { struct Entry {}; };\n", generic),
              IsEmpty());
  EXPECT_THAT(Check(one, "struct Entry {};\n", generic),
              ElementsAre(HasSubstr("gateway/b.h:1: Entry is for types")));
  EXPECT_THAT(Check(one, "", generic),
              ElementsAre(HasSubstr("Entry is no generic name: 1 types")));
}

TEST(AnAlias, OfAGenericNameIsATypeOfItsOwn) {
  const std::vector<GenericName> generic = {{"Entry", "an element"}};
  const std::string body =
      " { struct Entry {}; using List = std::list<Entry>; };\n";
  EXPECT_THAT(
      Check(absl::StrCat("class A", body), absl::StrCat("class B", body),
            generic),
      ElementsAre("gateway/b.h:1: List is also a type in service/a.h:1"));
}

TEST(Friends, OfEachOtherAreFound) {
  EXPECT_THAT(CheckFriends({SourceFile("service/a.h",
                                       "namespace a {\n"
                                       "class Set {\n"
                                       "  void Run() { int a = 0; }\n"
                                       "  friend class Call;\n"
                                       "};\n"
                                       "}\n"),
                            SourceFile("tests/b.h",
                                       "class Other { friend class Set; };\n"
                                       "class Call {\n"
                                       "  struct Part { int a; };\n"
                                       "  friend class ::a::Set;\n"
                                       "};\n")}),
              ElementsAre("tests/b.h:2: Call and Set befriend each other"));
}

TEST(Friends, OfOneOfTwoTypesAreNot) {
  EXPECT_THAT(
      CheckFriends({SourceFile("service/a.h",
                               "class Set {\n"
                               "  class Entry { friend class Set; };\n"
                               "  friend bool operator==(Set a, Entry b);\n"
                               "  friend Set Copy(Entry entry);\n"
                               "};\n"
                               "struct Entries { friend Set; };\n")}),
      IsEmpty());
}

}  // namespace
}  // namespace herald::tidy
