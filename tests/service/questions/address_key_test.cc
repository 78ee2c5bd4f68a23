// SPDX-License-Identifier: Apache-2.0

#include "service/questions/address_key.h"

#include "gtest/gtest.h"

namespace herald::authorizer {
namespace {

TEST(AnAddress, OfIpv4IsOneClient) {
  EXPECT_EQ(AddressKey("203.0.113.7"), "203.0.113.7");
  EXPECT_NE(AddressKey("203.0.113.7"), AddressKey("203.0.113.8"));
  EXPECT_EQ(AddressKey("::ffff:203.0.113.7"), "203.0.113.7");
}

TEST(AnAddress, OfIpv6IsOneClientWithItsSubnet) {
  EXPECT_EQ(AddressKey("2001:db8:0:1::1"),
            AddressKey("2001:db8:0:1:ffff:ffff:ffff:ffff"));
  EXPECT_NE(AddressKey("2001:db8:0:1::1"), AddressKey("2001:db8:0:2::1"));
  EXPECT_EQ(AddressKey("fe80::1%eth0"), AddressKey("fe80::2"));
}

TEST(AnAddress, ThatIsNoneIsItself) {
  EXPECT_EQ(AddressKey(""), "");
  EXPECT_EQ(AddressKey("unix:"), "unix:");
  EXPECT_EQ(AddressKey("1:2:3"), "1:2:3");
}

}  // namespace
}  // namespace herald::authorizer
