// SPDX-License-Identifier: Apache-2.0
//
// The last line of a process that ends by its own fault: it is there if stderr
// is read, and nothing waits for it if not.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/require.h"
#include "proto/process/log.h"
#include "tests/support/deadline.h"

namespace herald::process {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing_support::Milliseconds;
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
    std::array<char, 4096> text{};
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

}  // namespace
}  // namespace herald::process
