// SPDX-License-Identifier: Apache-2.0
//
// Signals to real processes: one drains, two do not, and none is missed while a
// process waits for a file.

#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/temporary_folder.h"

namespace herald::end_to_end {
namespace {

using testing_support::Clock;
using testing_support::Exit;
using testing_support::HeraldWorld;
using testing_support::kGatewayBinary;
using testing_support::kServiceBinary;
using testing_support::kSlowness;
using testing_support::Milliseconds;
using testing_support::Process;
using testing_support::TemporaryFolder;

constexpr Exit kNotDrained = {.code = 1, .signal = 0};

// A pipe without a writer.
std::string MakePipe(const TemporaryFolder& folder) {
  EXPECT_EQ(mkfifo(folder.Path("pipe").c_str(), 0600), 0);
  return folder.Path("pipe");
}

// Whether a process has a file open, as it shows it.
bool HasOpen(const Process& process, const std::string& file) {
  std::error_code gone;
  const auto fds = std::filesystem::directory_iterator(
      absl::StrCat("/proc/", process.pid(), "/fd"), gone);
  for (const auto& fd : fds) {
    if (std::filesystem::read_symlink(fd, gone) == file) return true;
  }
  return false;
}

TEST(ASecondSignal, EndsTheDrainOfAGatewayAtOnce) {
  HeraldWorld world({.gateways = 1, .gateway_flags = {"--drain-time=60"}});
  world.Open().StopReading();  // A goodbye that is not answered takes 5 s.
  world.gateway(0).Signal(SIGTERM);
  world.gateway(0).WaitForLine("draining signal=SIGTERM");

  const Clock::time_point before = Clock::now();
  world.gateway(0).Signal(SIGINT);
  EXPECT_EQ(world.gateway(0).WaitForExit(), kNotDrained);
  EXPECT_LT(Clock::now() - before, Milliseconds(2000 * kSlowness));
  world.gateway(0).WaitForLine("stopped at once by a second signal");
}

// It drains in an instant; so both signals wait for it when it goes on.
TEST(ASecondSignal, EndsTheDrainOfTheServiceAtOnce) {
  HeraldWorld world({.gateways = 1});
  world.service().Signal(SIGSTOP);
  world.service().Signal(SIGTERM);
  world.service().Signal(SIGINT);
  world.service().Signal(SIGCONT);
  EXPECT_EQ(world.service().WaitForExit(), kNotDrained);
  world.service().WaitForLine("stopped at once by a second signal");
}

TEST(ASignal, EndsAProcessThatWaitsForItsSettings) {
  const TemporaryFolder folder;
  for (const char* binary : {kServiceBinary, kGatewayBinary}) {
    const std::string pipe = MakePipe(folder);
    Process process({binary, "--env-file=" + pipe});
    ASSERT_TRUE(
        testing_support::WaitUntil([&] { return HasOpen(process, pipe); }));
    const Clock::time_point before = Clock::now();
    process.Signal(SIGTERM);
    EXPECT_EQ(process.WaitForExit(), kNotDrained) << binary;
    EXPECT_LT(Clock::now() - before, Milliseconds(2000 * kSlowness));
    process.WaitForLine("stopped before it has started");
    std::filesystem::remove(pipe);
  }
}

TEST(AnEnvFile, ThatIsAPipeIsWaitedForAWhile) {
  const TemporaryFolder folder;
  const std::string pipe = MakePipe(folder);
  for (const char* binary : {kServiceBinary, kGatewayBinary}) {
    Process process({binary, "--check", "--env-file=" + pipe});
    EXPECT_EQ(process.WaitForExit(), (Exit{2, 0})) << binary;
    process.WaitForLine("it is a pipe that was not written within 5 s");
  }
  // A file as a shell makes it of <(command), whether that has ended or not.
  for (const char* command : {"echo", "sleep 0.2; echo"}) {
    Process process({"/bin/bash", "-c",
                     absl::StrCat("exec \"$0\" --check --env-file=<(", command,
                                  " BROADCAST_LOG_LEVEL=debug)"),
                     kGatewayBinary});
    EXPECT_EQ(process.WaitForExit(), (Exit{0, 0})) << command;
    process.WaitForLine("BROADCAST_LOG_LEVEL=debug # /dev/fd/");
  }
}

}  // namespace
}  // namespace herald::end_to_end
