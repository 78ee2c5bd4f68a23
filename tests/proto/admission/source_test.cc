// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/source.h"

#include <string>

#include "gtest/gtest.h"

namespace herald::admission {
namespace {

const std::string kNetwork("\x20\x01\x0d\xb8\x00\x01\x00\x02", 8);

TEST(ASource, IsTheWholeAddressOfIpv4) {
  EXPECT_EQ(SourceOf({"\xC0\x00\x02\x01", 4}),
            SourceOf({"\xC0\x00\x02\x01", 4}));
  EXPECT_NE(SourceOf({"\xC0\x00\x02\x01", 4}),
            SourceOf({"\xC0\x00\x02\x02", 4}));
}

TEST(ASource, IsTheFirstHalfOfIpv6) {
  const Source one = SourceOf(kNetwork + "12345678");
  EXPECT_EQ(one, SourceOf(kNetwork + "87654321"));
  std::string other = kNetwork;
  other.back() = '\x03';
  EXPECT_NE(one, SourceOf(other + "12345678"));
}

TEST(ASource, OfIpv4InItsIpv6FormIsThatOfIpv4) {
  const std::string mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  EXPECT_EQ(SourceOf(mapped + "\xC0\x01\x02\x03"),
            SourceOf("\xC0\x01\x02\x03"));
  EXPECT_NE(SourceOf(mapped + "\xC0\x01\x02\x03"),
            SourceOf(mapped + "\xC0\x01\x02\x04"));
}

TEST(ASource, OfNoAddressIsNone) { EXPECT_EQ(SourceOf(""), kNoSource); }

}  // namespace
}  // namespace herald::admission
