// SPDX-License-Identifier: Apache-2.0
//
// The example programs of clients/cpp/examples do what they say.

#include <signal.h>

#include <cstdlib>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"
#include "tests/clients/raw_authorizer_stream.h"
#include "tests/clients/subprocess.h"

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

TEST(TheWatchExample, PrintsWhatIsSaid) {
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

class TheAuthorizerExample : public ::testing::Test {
 protected:
  void SetUp() override {
    // The line that says that it is ready.
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

TEST_F(TheAuthorizerExample, SaysWhatItWantsToHear) {
  EXPECT_THAT(Decide("").reason(), HasSubstr("user:<name>"));
  EXPECT_THAT(Decide("user:\"}").reason(), HasSubstr("letters, digits"));
}

TEST_F(TheAuthorizerExample, StopsWhenItIsTold) {
  process_.Signal(SIGTERM);

  EXPECT_EQ(process_.Wait(), 0);
}

TEST_F(TheAuthorizerExample, SaysThatAPortIsTaken) {
  const Outcome outcome =
      RunToEnd({HERALD_EXAMPLE_AUTHORIZER,
                "--address=127.0.0.1:" + std::to_string(port_)});

  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr(std::to_string(port_)));
}

}  // namespace
}  // namespace herald::testing_support
