// SPDX-License-Identifier: Apache-2.0
//
// The example programs of clients/cpp/examples do what their comments promise,
// and `herald` in a shell notices that its output fails.

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"
#include "tests/clients/raw_authorizer_stream.h"
#include "tests/clients/subprocess.h"
#include "tests/support/deadline.h"
#include "tests/support/temporary_folder.h"

namespace herald::testing_support {
namespace {

using ::testing::HasSubstr;

TEST(ThePublisherExample, PublishesInThreeWays) {
  FakeBroadcastService service;

  const Outcome outcome =
      RunToEnd({HERALD_EXAMPLE_PUBLISHER, service.address()});

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "news has 1 subscribers\n"
            "sent to 2 channels\n"
            "published 100 of 100\n");
  EXPECT_EQ(service.broadcasts.size(), 102u);
}

TEST(TheWatchExample, PrintsEvents) {
  FakeBroadcastService service;
  v1::Event* const event =
      service.watch_messages.emplace_back().mutable_event();
  event->set_event("created");
  event->set_data("{}");
  service.watch_stays = true;
  Subprocess example({HERALD_EXAMPLE_WATCH, service.address(), "news"});
  EXPECT_EQ(example.ReadLine(), "listening to news");
  EXPECT_EQ(example.ReadLine(), "created {}");

  service.Stop();

  EXPECT_EQ(example.Wait(), 1);
  EXPECT_THAT(example.err(), HasSubstr("UNAVAILABLE"));
  service.Restart();
}

TEST(AnExample, ThatIsNotUnderstoodLeavesWithTwo) {
  for (const char* example : {HERALD_EXAMPLE_PUBLISHER, HERALD_EXAMPLE_WATCH}) {
    const Outcome scheme = RunToEnd({example, "http://127.0.0.1:50051"});
    EXPECT_EQ(scheme.exit_code, 2) << example;
    EXPECT_THAT(scheme.err, HasSubstr("\"http://127.0.0.1:50051\""));
    EXPECT_THAT(scheme.err, HasSubstr("allowed: host:port"));
  }
  for (const char* address :
       {"nowhere", "http://127.0.0.1:0", "127.0.0.1", "127.0.0.1:99999", ""}) {
    const Outcome outcome =
        RunToEnd({HERALD_EXAMPLE_AUTHORIZER, "--address", address});
    EXPECT_EQ(outcome.exit_code, 2) << address;
    EXPECT_THAT(outcome.err, HasSubstr(absl::StrCat("\"", address, "\"")));
    EXPECT_THAT(outcome.err, HasSubstr("allowed: host:port"));
  }
  for (const char* example : {HERALD_EXAMPLE_PUBLISHER, HERALD_EXAMPLE_WATCH,
                              HERALD_EXAMPLE_AUTHORIZER}) {
    const Outcome flag = RunToEnd({example, "--nonsense"});
    EXPECT_EQ(flag.exit_code, 2) << example;
    EXPECT_THAT(flag.err, HasSubstr("Usage: herald-example-"));
    const Outcome help = RunToEnd({example, "--help"});
    EXPECT_EQ(help.exit_code, 0) << example;
    EXPECT_THAT(help.out, HasSubstr("Usage: herald-example-"));
  }
}

TEST(AnExample, WithoutAWritableOutputExitsWithOne) {
  FakeBroadcastService service;
  const std::string publisher = HERALD_EXAMPLE_PUBLISHER;
  for (const std::string& command :
       {publisher + " " + service.address(), publisher + " --help",
        std::string(HERALD_EXAMPLE_WATCH) + " --help",
        std::string(HERALD_EXAMPLE_AUTHORIZER) + " --help"}) {
    const std::string run = command + " >/dev/full";
    EXPECT_EQ(RunToEnd({"/bin/sh", "-c", run}).exit_code, 1) << command;
  }
}

TEST(AnExample, ThatServesGoesOnWithoutItsOutputAndLeavesWithOne) {
  const TemporaryFolder folder;
  const std::string socket = folder.Path("socket");
  Subprocess example({"/bin/sh", "-c",
                      absl::StrCat("exec ", HERALD_EXAMPLE_AUTHORIZER,
                                   " --address=unix:", socket, " >/dev/full")});
  ASSERT_TRUE(WaitUntil([&] { return std::filesystem::exists(socket); }));

  example.Signal(SIGTERM);

  EXPECT_EQ(example.Wait(), 1);
}

// Runs `herald` in a shell, which names its output and prints its exit code.
TEST(TheCommandLinesOutput, ThatCannotBeWrittenMakesTheExitCodeOne) {
  FakeBroadcastService service;
  service.watch_stays = true;
  service.epoch = "a";
  service.remembered.emplace_back().set_offset(1);
  const std::string herald = std::string(HERALD_CLI) + " ";
  const std::string at = " --address=" + service.address();
  for (const char* command :
       {"--help", "--version", "dev --help", "stats", "channels",
        "members presence-room", "disconnect --user ada", "history news",
        "watch news", "broadcast news created 1"}) {
    const bool asks = absl::EndsWith(command, "--help") || command[0] == '-';
    const std::string run = herald + command + (asks ? "" : at) + " ";
    for (const char* output : {">/dev/full", ">&-"}) {
      const Outcome outcome = RunToEnd({"/bin/sh", "-c", run + output});
      EXPECT_EQ(outcome.exit_code, 1) << command << output;
      EXPECT_THAT(outcome.err, HasSubstr("cannot write the output"));
    }
  }
}

// As coreutils do: SIGPIPE ends it, or EPIPE does where that is ignored. A
// channel on which nothing happens keeps it no longer.
TEST(TheCommandLinesOutput, EndsAWatchWhenItsReaderHasGone) {
  FakeBroadcastService service;
  service.watch_stays = true;
  const std::string watch = std::string(HERALD_CLI) +
                            " watch news --address=" + service.address() +
                            " | head -n 2 >/dev/null; echo ${PIPESTATUS[0]}";
  EXPECT_EQ(RunToEnd({"/bin/bash", "-c", watch}).out, "141\n");
  EXPECT_EQ(RunToEnd({"/bin/bash", "-c", "trap '' PIPE; " + watch}).out, "1\n");
}

class TheAuthorizerExample : public ::testing::Test {
 protected:
  void SetUp() override {
    // The line that it prints when it is ready.
    const std::string line = process_.ReadLine().value_or("");
    const size_t before = line.rfind("port ");
    ASSERT_NE(before, std::string::npos) << line;
    port_ = std::atoi(line.c_str() + before + 5);
    ASSERT_GT(port_, 0) << line;
  }

  v1::Decision Decide(const std::string& auth_token) {
    RawAuthorizerStream herald(port_);
    herald.Ask(1, "presence-room", auth_token);
    return herald.TakeDecision();
  }

  Subprocess process_{{HERALD_EXAMPLE_AUTHORIZER, "--address=127.0.0.1:0"}};
  int port_ = 0;
};

TEST_F(TheAuthorizerExample, AllowsUsersByName) {
  const v1::Decision decision = Decide("user:ada");

  EXPECT_TRUE(decision.allowed());
  EXPECT_EQ(decision.member().user_id(), "ada");
  EXPECT_EQ(decision.member().user_info(), R"({"name":"ada"})");
}

TEST_F(TheAuthorizerExample, ExplainsTheTokensItTakes) {
  EXPECT_THAT(Decide("").reason(), HasSubstr("user:<name>"));
  EXPECT_THAT(Decide("user:\"}").reason(), HasSubstr("letters, digits"));
}

TEST_F(TheAuthorizerExample, StopsOnSigtermOnly) {
  for (const int number : {SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2}) {
    process_.Signal(number);
  }
  EXPECT_TRUE(Decide("user:ada").allowed());
  process_.Signal(SIGTERM);

  EXPECT_EQ(process_.Wait(), 0);
}

TEST_F(TheAuthorizerExample, ReportsThatAPortIsTaken) {
  const Outcome outcome =
      RunToEnd({HERALD_EXAMPLE_AUTHORIZER,
                "--address=127.0.0.1:" + std::to_string(port_)});

  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr(std::to_string(port_)));
}

}  // namespace
}  // namespace herald::testing_support
