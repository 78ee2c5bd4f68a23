// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gate/stream_limit.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::StatusOr<StreamLimit::Slot>& slot) {
  return std::string(slot.status().message());
}

TEST(AStreamLimit, GivesOneSourceHalfOfTheSlots) {
  StreamLimit limit("Watches", 4);
  const auto one = limit.Take("ipv4:10.0.0.1:1000");
  auto two = limit.Take("ipv4:10.0.0.1:1001");
  EXPECT_TRUE(one.ok() && two.ok());
  const auto three = limit.Take("ipv4:10.0.0.1:1002");
  EXPECT_TRUE(absl::IsResourceExhausted(three.status()));
  EXPECT_THAT(Message(three), HasSubstr("the address has 2 of at most 4"));
  EXPECT_TRUE(limit.Take("ipv4:10.0.0.2:1000").ok());
  two = absl::CancelledError();
  EXPECT_TRUE(limit.Take("ipv4:10.0.0.1:1003").ok()) << "one has gone";
}

TEST(AStreamLimit, CountsA64OfIpv6AsOneSource) {
  StreamLimit limit("Watches", 4);
  std::vector<absl::StatusOr<StreamLimit::Slot>> slots;
  for (int i = 0; i < 3; ++i) {
    slots.push_back(limit.Take(absl::StrCat("ipv6:%5B2001:db8::", i, "%5D:1")));
  }
  EXPECT_TRUE(slots[1].ok());
  EXPECT_FALSE(slots[2].ok());
}

TEST(AStreamLimit, HoldsForAllTogether) {
  StreamLimit limit("Watches", 4);
  std::vector<absl::StatusOr<StreamLimit::Slot>> slots;
  for (int i = 0; i < 5; ++i) {
    slots.push_back(limit.Take(absl::StrCat("ipv4:10.0.0.", i, ":1")));
    EXPECT_EQ(slots.back().ok(), i < 4);
  }
  EXPECT_THAT(Message(slots.back()), HasSubstr("there are 4 Watches already"));
  slots.clear();
  // Of a unix socket there is no address.
  for (int i = 0; i < 4; ++i) {
    slots.push_back(limit.Take("unix:/run/herald.sock"));
    EXPECT_TRUE(slots.back().ok()) << i;
  }
}

}  // namespace
}  // namespace herald::rpc
