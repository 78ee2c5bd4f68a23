// SPDX-License-Identifier: Apache-2.0
//
// `herald watch` whose output is not read: it still ends when it is told to.

#include <signal.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"
#include "tests/clients/subprocess.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace herald::testing_support
