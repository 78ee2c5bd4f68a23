// SPDX-License-Identifier: Apache-2.0
//
// The last line of a process that ends by its own fault: it is there if stderr
// is read, and nothing waits for it if not.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/require.h"
#include "proto/log/log.h"
#include "tests/support/deadline.h"

namespace herald::process {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing_support::WaitUntil;

void FailRequirement() { contract::Require(false); }

// On a thread, where nothing catches it.
void Throw() {
  std::thread([] { throw std::runtime_error("no luck"); }).join();
}

// A child whose stderr is a pipe.
class Failing : public ::testing::Test {
 protected:
  Failing() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~Failing() override {
    if (child_ > 0) kill(child_, SIGKILL);
    for (const int end : ends_) close(end);
  }

  // Leaves no room in the pipe.
  void FillPipe() {
    const std::string much(1 << 16, 'x');
    fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    while (write(ends_[1], much.data(), much.size()) > 0) continue;
    while (write(ends_[1], much.data(), 1) > 0) continue;
    fcntl(ends_[1], F_SETFL, 0);
  }

  // Takes a terminal for the pipe, and leaves little space in it.
  void FillTerminal() {
    for (const int end : ends_) close(end);
    ends_ = {posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), -1};
    ASSERT_EQ(grantpt(ends_[0]), 0);
    ASSERT_EQ(unlockpt(ends_[0]), 0);
    ends_[1] = open(ptsname(ends_[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    pollfd ready{ends_[1], POLLOUT, 0};
    FillPipe();
    while (poll(&ready, 1, 0) == 0) {
      std::array<char, 256> text;
      ASSERT_GT(read(ends_[0], text.data(), text.size()), 0);
    }
  }

  // Runs `fail` in the child, and expects that it aborts soon.
  void Run(const std::function<void()>& fail) {
    child_ = fork();
    if (child_ == 0) {
      dup2(ends_[1], STDERR_FILENO);
      fail();
      _exit(0);
    }
    int status = 0;
    ASSERT_TRUE(WaitUntil([&] {
      return waitpid(child_, &status, WNOHANG) == child_;
    })) << "it waits for the reader";
    child_ = -1;
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGABRT);
  }

  std::string Output() {
    std::array<char, 4 * PIPE_BUF> text{};
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    const ssize_t size = read(ends_[0], text.data(), text.size());
    return size <= 0 ? "" : std::string(text.data(), static_cast<size_t>(size));
  }

 private:
  std::array<int, 2> ends_{-1, -1};
  pid_t child_ = -1;
};

TEST_F(Failing, ARequirementIsReportedWithItsPlace) {
  Run(FailRequirement);
  EXPECT_THAT(Output(), AllOf(HasSubstr("failures_test.cc:"),
                              HasSubstr("FailRequirement"),
                              HasSubstr("does not hold\n")));
}

TEST_F(Failing, ARequirementIsALineOfTheLogOnceThereIsOne) {
  Run([] {
    StartLog(LogLevel::kInfo, LogFormat::kJson);
    FailRequirement();
  });
  EXPECT_THAT(Output(),
              AllOf(StartsWith("{\"time\":"), HasSubstr("\"level\":\"error\""),
                    HasSubstr("does not hold\"}\n")));
}

TEST_F(Failing, AnExceptionThatNothingCatchesIsReported) {
  Run([] {
    ReportUncaughtExceptions();
    Throw();
  });
  EXPECT_EQ(Output(), "uncaught exception: no luck\n");
}

TEST_F(Failing, WaitsForNoReader) {
  FillPipe();
  Run(FailRequirement);
  Run([] {
    ReportUncaughtExceptions();
    Throw();
  });
  Run([] {
    ReportUncaughtExceptions();
    StartLog(LogLevel::kInfo, LogFormat::kText);
    Log(LogLevel::kInfo, "a line that waits");
    Throw();
  });
}

// A terminal that lacks space is ready for poll(2), and a write that is larger
// waits nevertheless.
TEST_F(Failing, WaitsForNoReaderOfATerminal) {
  FillTerminal();
  for (int i = 0; i < 5; ++i) {
    Run([] {
      contract::WriteLastMessage(std::string(1000, 'x').c_str());
      FailRequirement();
    });
  }
}

TEST_F(Failing, ALongTextArrivesWholeOrIsReportedAsCut) {
  const std::string text(3 * PIPE_BUF, 'x');
  Run([&] {
    if (contract::WriteToStderr(text.data(), text.size(), 0)) abort();
  });
  EXPECT_EQ(Output(), text);
  FillPipe();
  Run([&] {
    if (!contract::WriteToStderr(text.data(), text.size(), 10)) abort();
  });
}

}  // namespace
}  // namespace herald::process
