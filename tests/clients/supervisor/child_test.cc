// SPDX-License-Identifier: Apache-2.0
//
// Real child processes: shells that print and end.

#include "clients/supervisor/child.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::supervisor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Outcome {
  std::vector<std::string> lines;
  std::string end;
};

Outcome RunToEnd(const std::vector<std::string>& command,
                 const Environment& environment = {}) {
  Outcome outcome;
  auto child = Child::Start(command, environment);
  EXPECT_TRUE(child.ok()) << child.status();
  if (!child.ok()) return outcome;
  while ((*child)->output() >= 0) {
    pollfd output = {(*child)->output(), POLLIN, 0};
    EXPECT_EQ(poll(&output, 1, 30000), 1);
    (*child)->Read(
        [&](absl::string_view line) { outcome.lines.emplace_back(line); });
  }
  siginfo_t info;
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>((*child)->pid()), &info,
                   WEXITED | WNOWAIT),
            0);
  if ((*child)->Reap().has_value()) {
    outcome.end = DescribeEnd(*(*child)->Reap());
  }
  return outcome;
}

TEST(AChild, PrintsOnBothOutputsUpToALastLineWithoutAnEnd) {
  const Outcome outcome =
      RunToEnd({"sh", "-c", "echo one; echo; echo two >&2; printf three"});
  EXPECT_THAT(outcome.lines, ElementsAre("one", "", "two", "three"));
  EXPECT_EQ(outcome.end, "ended with code 0");
}

TEST(AChild, HasTheEnvironmentThatIsAdded) {
  const Outcome outcome = RunToEnd({"sh", "-c", "echo $ADDED; exit 3"},
                                   {{"ADDED", "with $(no) expansion"}});
  EXPECT_THAT(outcome.lines, ElementsAre("with $(no) expansion"));
  EXPECT_EQ(outcome.end, "ended with code 3");
}

TEST(AChild, MayPrintALineOfAnySize) {
  const Outcome outcome =
      RunToEnd({"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo"});
  size_t total = 0;
  for (const std::string& line : outcome.lines) {
    EXPECT_LE(line.size(), 100000u);
    total += line.size();
  }
  EXPECT_EQ(total, 1000000u);
}

TEST(AChild, ThatCannotBeExecutedPrintsWhy) {
  const Outcome outcome = RunToEnd({"/no/such/program"});
  ASSERT_THAT(outcome.lines, SizeIs(1));
  EXPECT_THAT(outcome.lines[0], HasSubstr("/no/such/program: No such file"));
  EXPECT_EQ(outcome.end, "ended with code 127");
}

TEST(AChild, IsDescribedByTheSignalThatKilledIt) {
  EXPECT_EQ(RunToEnd({"sh", "-c", "kill -9 $$"}).end,
            "was killed by signal 9 (Killed)");
}

// A shell of this process's session would be stopped by the same Ctrl-C.
TEST(AChild, HasASessionOfItsOwn) {
  const Outcome outcome =
      RunToEnd({"sh", "-c", "test $(cut -d' ' -f6 /proc/$$/stat) = $$"});
  EXPECT_EQ(outcome.end, "ended with code 0");
}

TEST(AChild, IsKilledWithItsObject) {
  pid_t pid = 0;
  {
    auto child = Child::Start({"sleep", "600"}, {});
    ASSERT_TRUE(child.ok());
    pid = (*child)->pid();
    EXPECT_FALSE((*child)->Reap().has_value());
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace herald::supervisor
