// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/silence.h"

#include "gtest/gtest.h"

namespace herald::contract {
namespace {

TEST(Silence, IsNoticedAfterThreeIntervalsBehindAKeepalive) {
  Silence silence;
  silence.Heard(/*is_keepalive=*/true);
  EXPECT_FALSE(silence.Tick()) << "something was received in this interval";
  EXPECT_FALSE(silence.Tick());
  EXPECT_FALSE(silence.Tick());
  EXPECT_TRUE(silence.Tick());
}

TEST(Silence, EndsWithAnyReceivedMessage) {
  Silence silence;
  silence.Heard(/*is_keepalive=*/true);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(silence.Tick());
  silence.Heard(/*is_keepalive=*/false);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(silence.Tick());
  EXPECT_TRUE(silence.Tick());
}

TEST(Silence, OfAPeerThatSendsNoKeepalivesMeansNothing) {
  Silence silence;
  silence.Heard(/*is_keepalive=*/false);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(silence.Tick());
}

}  // namespace
}  // namespace herald::contract
