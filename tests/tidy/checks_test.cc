// SPDX-License-Identifier: Apache-2.0
//
// Shows each check a sample that breaks its rule and one that keeps it, since
// a check that cannot fail is worth nothing.

#include "tests/tidy/checks.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kLicence[] = "// SPDX-License-Identifier: Apache-2.0\n";

Findings Including(const std::string& path, absl::string_view include) {
  return CheckIncludes(SourceFile(path, absl::StrCat("#include ", include)));
}

std::string Times(int count, absl::string_view text) {
  std::string all;
  for (int i = 0; i < count; ++i) absl::StrAppend(&all, text);
  return all;
}

// `around` with `lines` lines in the place of its BODY.
std::string Around(int lines, absl::string_view around) {
  return absl::StrReplaceAll(around, {{"BODY", Times(lines, "\n")}});
}

struct Case {
  const char* path;
  const char* include;
};

TEST(Includes, ThatARoomMustNotHaveAreFound) {
  for (const Case& c : {
           Case{"proto/contract/names.cc", "\"herald/v1/a.pb.h\""},
           Case{"proto/contract/names.cc", "\"service/link/links.h\""},
           Case{"proto/contract/names.cc", "\"proto/contract/grpc_status.h\""},
           Case{"service/link/links.cc", "<grpcpp/grpcpp.h>"},
           Case{"service/link/links.cc", "\"herald/v1/a.grpc.pb.h\""},
           Case{"service/link/links.cc", "<boost/asio.hpp>"},
           Case{"service/link/links.cc", "<chrono>"},
           Case{"service/link/links.cc", "\"absl/time/clock.h\""},
           Case{"service/link/links.cc", "<iostream>"},
           Case{"service/link/links.cc", "<mutex>"},
           Case{"service/link/links.cc", "<unistd.h>"},
           Case{"service/link/links.cc", "<sys/socket.h>"},
           Case{"service/link/links.cc", "\"proto/log/log.h\""},
           Case{"service/link/links.cc", "\"service/rpc/server.h\""},
           Case{"service/link/links.cc", "\"gateway/router/router.h\""},
           Case{"service/channel/fanout.cc", "\"service/engine/engine.h\""},
           Case{"service/engine/engine_events.cc", "\"service/link/links.h\""},
           Case{"service/link/links.cc", "\"service/api/queries.h\""},
           Case{"service/api/queries.cc", "\"service/core.h\""},
           Case{"service/rules/rule_changes.cc", "\"service/api/watches.h\""},
           Case{"service/rules/rules_file.cc",
                "\"service/rules/rule_changes.h\""},
           Case{"service/questions/quarantine.cc", "\"service/link/links.h\""},
           Case{"service/core/hub.cc", "\"service/link/links.h\""},
           Case{"service/rpc/server.cc", "<boost/asio.hpp>"},
           Case{"service/rpc/server.cc", "\"clients/cpp/dial.h\""},
           Case{"service/main.cc", "\"gateway/router/router.h\""},
           Case{"gateway/router/router.cc", "<boost/beast.hpp>"},
           Case{"gateway/router/router.cc", "\"grpcpp/channel.h\""},
           Case{"gateway/http/listener.cc", "\"grpcpp/channel.h\""},
           Case{"gateway/http/listener.cc", "\"herald/v1/a.grpc.pb.h\""},
           Case{"gateway/http/listener.cc", "\"gateway/link/link.h\""},
           Case{"gateway/link/link.cc", "<boost/asio.hpp>"},
           Case{"gateway/link/link.cc", "\"gateway/http/listener.h\""},
           Case{"clients/cpp/dial.cc", "\"service/link/links.h\""},
           Case{"clients/cpp/include/herald/client/a.h",
                "\"herald/v1/a.grpc.pb.h\""},
           Case{"clients/cli/main.cc", "\"clients/cpp/dial.h\""},
           Case{"gateway/main.cc", "\"tests/support/process.h\""},
           Case{"elsewhere/main.cc", "<vector>"},
       }) {
    EXPECT_THAT(Including(c.path, c.include), SizeIs(1))
        << c.path << " includes " << c.include;
  }
}

TEST(Includes, ThatARoomMayHaveAreNot) {
  for (const Case& c : {
           Case{"proto/contract/names.cc", "\"absl/strings/str_cat.h\""},
           Case{"proto/contract/grpc_status.cc", "\"grpcpp/support/status.h\""},
           Case{"service/link/links.cc", "\"proto/contract/mutex.h\""},
           Case{"service/link/links.cc", "\"herald/v1/a.pb.h\""},
           Case{"service/link/links.cc", "<vector>"},
           Case{"service/link/links.cc", "\"absl/strings/str_cat.h\""},
           Case{"service/rpc/gate/api_token.cc", "<openssl/sha.h>"},
           Case{"service/rpc/server.cc", "<mutex>"},
           Case{"service/main.cc", "\"proto/log/log.h\""},
           Case{"gateway/http/listener.cc", "<boost/asio.hpp>"},
           Case{"gateway/http/listener.cc", "<sys/uio.h>"},
           Case{"gateway/program.cc", "\"gateway/link/link.h\""},
           Case{"clients/cpp/dial.cc", "\"herald/client/publisher.h\""},
           Case{"tests/service/core/hub_test.cc", "\"gateway/net/shard.h\""},
       }) {
    EXPECT_THAT(Including(c.path, c.include), IsEmpty());
  }
}

TEST(Findings, NameTheFileAndTheLine) {
  const SourceFile file("service/link/links.cc",
                        "// Why.\n#include <thread>\n");
  EXPECT_THAT(CheckIncludes(file),
              ElementsAre("service/link/links.cc:2: service/link/ may not "
                          "include thread"));
}

TEST(ATop, NeedsALicenceAndInHeadersProse) {
  EXPECT_THAT(CheckTop({"a.cc", "int a;\n"}), SizeIs(1));
  EXPECT_THAT(CheckTop({"a.cc", ""}), SizeIs(1));
  EXPECT_THAT(CheckTop({"a.cc", absl::StrCat(kLicence, "int a;\n")}),
              IsEmpty());
  EXPECT_THAT(CheckTop({"a.h", absl::StrCat(kLicence, "int a;\n")}), SizeIs(1));
  EXPECT_THAT(CheckTop({"a.h", absl::StrCat(kLicence, "//\n// A.\n")}),
              IsEmpty());
}

TEST(AGuard, IsThePath) {
  const std::string good =
      "#ifndef HERALD_A_B_H_\n#define HERALD_A_B_H_\n"
      "#endif  // HERALD_A_B_H_\n";
  EXPECT_THAT(CheckGuard({"a/b.h", good}), IsEmpty());
  EXPECT_THAT(CheckGuard({"a/c.h", good}), SizeIs(3));
  EXPECT_THAT(CheckGuard({"a/b.h", "#pragma once\n"}), SizeIs(3));
  EXPECT_THAT(CheckGuard({"clients/cpp/include/herald/a/b.h", good}),
              IsEmpty());
}

TEST(Columns, AreCountedInCharacters) {
  EXPECT_THAT(CheckColumns({"a.cc", Times(80, "x")}), IsEmpty());
  EXPECT_THAT(CheckColumns({"a.cc", Times(81, "x")}), SizeIs(1));
  EXPECT_THAT(CheckColumns({"a.cc", Times(80, "\xC3\xA9")}), IsEmpty());
  EXPECT_THAT(CheckColumns({"a.cc", "#include \"" + Times(80, "x") + "\""}),
              IsEmpty());
}

TEST(AFile, HasABound) {
  EXPECT_THAT(CheckLength({"a.h", Times(250, "\n")}), IsEmpty());
  EXPECT_THAT(CheckLength({"a.h", Times(251, "\n")}), SizeIs(1));
  EXPECT_THAT(CheckLength({"a.cc", Times(500, "\n")}), IsEmpty());
  EXPECT_THAT(CheckLength({"a.cc", Times(501, "\n")}), SizeIs(1));
}

TEST(AFunction, HasABoundWhereverItStands) {
  struct Sample {
    const char* around;
    int lines;  // Of the function, without its body.
  };
  for (const auto& [around, lines] : {
           Sample{"void F() {\nBODY}\n", 2},
           Sample{"namespace a {\nclass B {\n  void F() const {\nBODY  }\n"
                  "};\n}\n",
                  2},
           Sample{"TEST_F(A, B) {\nBODY}\n", 2},
           Sample{"struct A* F(struct B b) {\nBODY}\n", 2},
           Sample{"auto F() -> int {\nBODY}\n", 2},
           Sample{"bool A::operator==(const A& a) const {\nBODY}\n", 2},
           Sample{"int a;\n\n// A.\ntemplate <typename T>\nvoid F(\n    T a) "
                  "{\nBODY}\n",
                  4},
           Sample{"class A {\n public:\n\n  // A.\n  A() {\nBODY}\n};\n", 2},
       }) {
    EXPECT_THAT(CheckLength({"a.cc", Around(70 - lines, around)}), IsEmpty())
        << around;
    EXPECT_THAT(CheckLength({"a.cc", Around(71 - lines, around)}),
                ElementsAre(HasSubstr("71 lines")))
        << around;
  }
}

TEST(AConstructor, CountsWithItsInitializers) {
  for (const char* around : {
           "A::A(int b)\n    : b_(b) {\nBODY}\n",
           "A::A(int b)\n    : b_{b}, c_(1) {\nBODY}\n",
           "A::A(int b)\n    : b_(b), c_{1} {\nBODY}\n",
           "A::A(int b) : b_{b},\nc_{{1}, {2}} {\nBODY}\n",
           "A::A(int b) noexcept(true)\n: B<int>{b} {\nBODY}\n",
           "class A {\n public:\n  A()\n : b_{1} {\nBODY}\n};\n",
           "A::A(int b)\n    : b_(b) {BODY\n}\n",
           "A::A()\n: a_([] { return 1; }) {\nBODY}\n",
       }) {
    EXPECT_THAT(CheckLength({"a.cc", Around(67, around)}), IsEmpty()) << around;
    EXPECT_THAT(CheckLength({"a.cc", Around(68, around)}),
                ElementsAre(HasSubstr("71 lines")))
        << around;
  }
  EXPECT_THAT(CheckLength({"a.cc", Around(68, "A::A()\n: bBODY_(1) {\n}\n")}),
              ElementsAre(HasSubstr("71 lines")));
}

TEST(AFunction, IsNotATableANamespaceOrAClass) {
  for (const char* open : {"const int kTable[] = {", "namespace {",
                           "class A : public B {", "enum class A {"}) {
    EXPECT_THAT(
        CheckLength({"a.cc", absl::StrCat(open, Times(100, "\n"), "};\n")}),
        IsEmpty())
        << open;
  }
}

TEST(AFunction, IsNotEndedByABraceInATextOrAComment) {
  for (const char* text :
       {"  F(\"}\");\n", "  F('}');\n", "  // }\n", "  F(R\"x(}\")x\");\n",
        "  F(\"\\\"}\");\n", "  F(1'000); /* } */\n"}) {
    EXPECT_THAT(CheckLength({"a.cc", absl::StrCat("void F() {\n", text,
                                                  Times(70, "\n"), "}\n")}),
                SizeIs(1))
        << text;
  }
}

TEST(WorkToDo, HasAKindAndIsNotDueNow) {
  const std::string mark = absl::StrCat("// TO", "DO");
  EXPECT_THAT(CheckTodos({"a.cc", mark + "(soon): Later."}), IsEmpty());
  EXPECT_THAT(CheckTodos({"a.cc", mark + "(now): At once."}), SizeIs(1));
  EXPECT_THAT(CheckTodos({"a.cc", mark + "(ada): Whenever."}), SizeIs(1));
  EXPECT_THAT(CheckTodos({"a.cc", mark + ": Whenever."}), SizeIs(1));
}

TEST(TheTimeOfDay, IsForTheFilesThatShowIt) {
  const char* reads = "const absl::Time now = absl::Now();\n";
  EXPECT_THAT(CheckTimeOfDay({"service/history/history.cc", reads}), SizeIs(1));
  EXPECT_THAT(CheckTimeOfDay({"proto/log/log.cc", reads}), IsEmpty());
  EXPECT_THAT(CheckTimeOfDay({"service/rpc/server.cc",
                              "std::chrono::system_clock::now()\n"}),
              SizeIs(1));
  EXPECT_THAT(
      CheckTimeOfDay({"service/history/history.cc", "// Not absl::Now().\n"}),
      IsEmpty());
}

TEST(CloseCodes, BelongIntoDialects) {
  const std::string closes = "Close(4001);\n";
  EXPECT_THAT(CheckCloseCodes({"gateway/session/session.cc", closes}),
              SizeIs(1));
  EXPECT_THAT(
      CheckCloseCodes({"gateway/dialects/native/native_dialect.cc", closes}),
      IsEmpty());
  EXPECT_THAT(CheckCloseCodes({"gateway/net/a.cc", closes}), IsEmpty());
  EXPECT_THAT(CheckCloseCodes({"gateway/session/session.cc",
                               "// As with 4001.\n"
                               "Wait(14001);\n"}),
              IsEmpty());
}

TEST(AFileWithEveryFault, IsFaultedByEveryCheck) {
  const std::string text =
      absl::StrCat("#include <boost/asio.hpp>\n", "int a = 1008;\n",
                   Times(81, "x"), "\n// TO", "DO: Mend.\n", Times(250, "\n"));
  // 1 include, 1 top, 3 guard, 1 column, 1 length, 1 to do, 1 close code.
  EXPECT_THAT(CheckFile({"gateway/loop/a.h", text}), SizeIs(9));
}

TEST(AMirror, IsTheTestOfASource) {
  const SourceFile source("gateway/session/shard.cc", "");
  const SourceFile other("tests/gateway/net/shard_test.cc", "");
  EXPECT_THAT(CheckMirrors({source, other}),
              ElementsAre(HasSubstr("tests/gateway/session/shard_test.cc")));
  for (const char* test : {"tests/gateway/session/shard_test.cc",
                           "tests/gateway/session/shard_closing_test.cc"}) {
    EXPECT_THAT(CheckMirrors({source, {test, ""}}), IsEmpty());
  }
}

TEST(ABudget, BoundsARoom) {
  const std::vector<SourceFile> files = {
      {"a/b.h", "// B.\n\nint b;\n"},
      {"a/c.h", "// C.\nint c;\nint d;\n"},
      {"a/c.cc", "int c;\nint d;\n"},
      {"a/inside/z.h", Times(100, "int z;\n")},
      {"z/z.h", Times(100, "int z;\n")}};
  EXPECT_THAT(CheckBudget(files, {"a/", 40, 8, 2}), IsEmpty());
  EXPECT_THAT(CheckBudget(files, {"a/", 40, 8, 1}),
              ElementsAre("a/: 2 headers; at most 1"));
  EXPECT_THAT(CheckBudget(files, {"a/", 40, 7, 2}),
              ElementsAre("a/: 8 lines; at most 7"));
  EXPECT_THAT(CheckBudget(files, {"a/", 41, 8, 2}),
              ElementsAre("a/: 40 % of the headers are comment; at least 41"));
}

TEST(ABudget, IsOfEveryRoom) {
  const std::vector<Budget> budgets = {{"a/"}, {"a/b/"}};
  EXPECT_THAT(CheckHasBudget({"a/c.cc", ""}, budgets), IsEmpty());
  EXPECT_THAT(CheckHasBudget({"a/b/c.h", ""}, budgets), IsEmpty());
  EXPECT_THAT(CheckHasBudget({"tests/a/c_test.cc", ""}, budgets), IsEmpty());
  EXPECT_THAT(CheckHasBudget({"a/d/c.h", ""}, budgets),
              ElementsAre(HasSubstr("no budget")));
}

}  // namespace
}  // namespace herald::tidy
