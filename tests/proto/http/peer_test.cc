// SPDX-License-Identifier: Apache-2.0

#include "proto/http/peer.h"

#include "gtest/gtest.h"

namespace herald::process {
namespace {

TEST(APeer, OfGrpcHasAnAddressAndAPort) {
  const PeerAddress v4 = ParsePeer("ipv4:10.0.0.1:5000");
  EXPECT_EQ(AddressText(v4.address), "10.0.0.1");
  EXPECT_EQ(v4.name, ParsePeer("ipv6:%5B::ffff:10.0.0.1%5D:5000").name);
  EXPECT_NE(v4.name, ParsePeer("ipv4:10.0.0.1:5001").name);
  EXPECT_EQ(v4.address, ParsePeer("ipv4:10.0.0.1:5001").address);
  EXPECT_EQ(AddressText(ParsePeer("ipv6:%5Bfe80::1%25eth0%5D:5000").address),
            "fe80::1");
  EXPECT_EQ(AddressText(ParsePeer("ipv6:[2001:db8::1]:1").address),
            "2001:db8::1");
}

TEST(APeer, OfAUnixSocketOrOfAnUnknownFormHasNone) {
  for (const char* text :
       {"unix:/run/herald.sock", "unix:", "", "ipv4:10:1", "ipv4:10.0.0.1",
        "ipv4:10.0.0.1:99999", "ipv6:%5Bx%5D:1", "vsock:1:2"}) {
    EXPECT_EQ(ParsePeer(text).name, "") << text;
    EXPECT_EQ(ParsePeer(text).source(), admission::kNoSource) << text;
  }
  EXPECT_EQ(AddressText(""), "unix");
}

}  // namespace
}  // namespace herald::process
