// SPDX-License-Identifier: Apache-2.0
//
// `herald` whose output is not read: it still ends on a signal, or in its time.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"
#include "tests/clients/subprocess.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Watching : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Signals, Watching, ::testing::Values(SIGTERM, SIGINT));

TEST_P(Watching, EndsAtASignalThoughItsOutputIsNotRead) {
  constexpr int kPipeBytes = 64 << 10;
  FakeBroadcastService service;
  v1::ServerMessage large;
  large.mutable_event()->set_channel("news");
  large.mutable_event()->set_event("created");
  large.mutable_event()->set_data("\"" + std::string(4 * kPipeBytes, 'x') +
                                  "\"");
  service.watch_messages = {large};
  service.watch_stays = true;
  Subprocess watch(
      {HERALD_CLI, "watch", "news", "--address", service.address()});
  EXPECT_EQ(watch.ReadLine(), "connected");
  EXPECT_EQ(watch.ReadLine(), "subscribed      news");
  ASSERT_TRUE(WaitUntil([&] { return watch.unread() > kPipeBytes / 2; }));

  const Clock::time_point before = Clock::now();
  watch.Signal(GetParam());
  EXPECT_EQ(watch.WaitWithoutReading(), 1);
  EXPECT_LT(Clock::now() - before, Milliseconds(3000 * kSlowness));
  EXPECT_THAT(watch.err(), HasSubstr("cannot write the output"));
}

// A pipe that takes no more, at first.
class FullPipe {
 public:
  FullPipe() {
    EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK), 0);
    while (write(ends_[1], "x", 1) == 1) continue;
  }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;
  ~FullPipe() {
    for (const int end : ends_) close(end);
  }

  // Reads all there is.
  std::string Read() {
    std::string text;
    std::array<char, 4096> part;
    ssize_t size;
    while ((size = read(ends_[0], part.data(), part.size())) > 0) {
      text.append(part.data(), static_cast<size_t>(size));
    }
    return text;
  }

  // `command` in a shell, with the pipe as its standard error.
  std::vector<std::string> Behind(const std::string& command) const {
    return {"/bin/sh", "-c",
            absl::StrCat("exec ", HERALD_CLI, " ", command, " 2>/proc/",
                         getpid(), "/fd/", ends_[1])};
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

TEST(ACommand, EndsInItsTimeThoughItsErrorsAreNotRead) {
  FakeBroadcastService service;
  const std::string address = service.address();
  const FullPipe errors;
  const auto expect = [&](const std::string& command, int exit_code,
                          const std::vector<std::string>& environment = {}) {
    const Clock::time_point before = Clock::now();
    Subprocess herald(errors.Behind(command), environment);
    EXPECT_EQ(herald.Wait(), exit_code) << command;
    EXPECT_LT(Clock::now() - before, Milliseconds(3000 * kSlowness)) << command;
  };
  expect("dev --no-authorizer", 1, {"BROADCAST_GRPC_ADDRESS=" + address});
  expect("stats --version >/dev/full", 1);
  service.Stop();
  for (const char* command : {"stats", "watch news", "history news"}) {
    expect(absl::StrCat(command, " --timeout=300ms --address=", address), 1);
  }
  expect("", 2);
  expect("nonsense", 2);
  expect("stats --token=,", 2);
  service.Restart();
}

TEST(Watching, GoesOnThoughItsLossesAreNotRead) {
  FakeBroadcastService service;
  service.watch_end = {grpc::StatusCode::UNAVAILABLE, "the service stops"};
  service.watch_stays = true;
  v1::ServerMessage subscribed;
  subscribed.mutable_subscribed()->set_channel("news");
  subscribed.mutable_subscribed()->set_epoch("a");
  v1::ServerMessage anew = subscribed;
  anew.mutable_subscribed()->set_epoch("b");
  anew.mutable_subscribed()->set_recovered(false);
  service.ScriptWatches({{subscribed}, {anew}});
  FullPipe errors;
  Subprocess watch(errors.Behind("watch news --address=" + service.address()));
  for (const char* line :
       {"connected", "subscribed      news  at a:0", "connected",
        "subscribed      news  at b:0", "connected", "subscribed      news"}) {
    EXPECT_EQ(watch.ReadLine(), line);
  }

  // A note with their count precedes the next line.
  errors.Read();
  service.Stop();
  std::string read;
  EXPECT_TRUE(WaitUntil([&] {
    read += errors.Read();
    return absl::EndsWith(read, "\n");
  }));
  EXPECT_THAT(read, StartsWith("herald: 2 lines were dropped: standard error "
                               "did not take them\nherald: "));
  EXPECT_THAT(read, HasSubstr("is unavailable"));

  watch.Signal(SIGTERM);
  EXPECT_EQ(watch.Wait(), 0);
  service.Restart();
}

}  // namespace
}  // namespace herald::testing_support
