// SPDX-License-Identifier: Apache-2.0
//
// Both versions of the PROXY protocol, whole, in parts, and broken.

#include "gateway/http/proxy_header.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

using State = ProxyHeader::State;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

// A header of version 2 with the bytes of command and family.
std::string Binary(int command, int family, const std::string& rest) {
  std::string header = kSignature;
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 0xFF);
  return header + rest;
}

const std::string kV4("\xCB\0\x71\x07\x7F\0\0\x01\x30\x39\x1F\x90", 12);

// The address, or a word for another result.
std::string Source(const std::string& bytes) {
  const ProxyHeader header = ParseProxyHeader(bytes + "GET");
  if (header.state == State::kMore) return "more";
  if (header.state == State::kBroken) return "broken";
  EXPECT_EQ(header.bytes, bytes.size());
  return header.source ? header.source->to_string() : "unknown";
}

TEST(ALine, NamesTheClient) {
  EXPECT_EQ(Source("PROXY TCP4 203.0.113.7 10.0.0.1 12345 8080\r\n"),
            "203.0.113.7");
  EXPECT_EQ(Source("PROXY TCP6 2001:db8::7 ::1 12345 8080\r\n"), "2001:db8::7");
  EXPECT_EQ(Source("PROXY UNKNOWN\r\n"), "unknown");
  EXPECT_EQ(Source("PROXY UNKNOWN a b c d\r\n"), "unknown");
}

TEST(ALine, ThatIsWrongIsBroken) {
  for (const char* line :
       {"PROXY TCP4 203.0.113.7 10.0.0.1 12345\r\n",
        "PROXY TCP4 ::1 10.0.0.1 1 2\r\n", "PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "PROXY TCP5 a b 1 2\r\n",
        "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "proxy UNKNOWN\r\n",
        "GET / HTTP/1.1\r\n"}) {
    EXPECT_EQ(Source(line), "broken") << line;
  }
  EXPECT_EQ(Source(absl::StrCat("PROXY UNKNOWN ", std::string(100, 'x'))),
            "broken");
}

TEST(ABinaryHeader, NamesTheClient) {
  EXPECT_EQ(Source(Binary(0x21, 0x11, kV4)), "203.0.113.7");
  EXPECT_EQ(Source(Binary(0x21, 0x11, kV4 + "\x04" + std::string("\0\0", 2))),
            "203.0.113.7");
  EXPECT_EQ(
      Source(Binary(0x21, 0x21,
                    std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') +
                        "\x07" + std::string(20, '\0'))),
      "2001:db8::7");
  EXPECT_EQ(Source(Binary(0x20, 0x00, "")), "unknown");
  EXPECT_EQ(Source(Binary(0x20, 0x11, kV4)), "unknown");
  EXPECT_EQ(Source(Binary(0x21, 0x00, "")), "unknown");
  EXPECT_EQ(Source(Binary(0x21, 0x31, std::string(216, 'p'))), "unknown");
}

TEST(ABinaryHeader, OfAProxyThatSpeaksForItselfMayNameAnyFamily) {
  for (const int family : {0x00, 0x12, 0x13, 0x41, 0xF0, 0xFF}) {
    EXPECT_EQ(Source(Binary(0x20, family, "")), "unknown") << family;
    EXPECT_EQ(Source(Binary(0x20, family, kV4)), "unknown") << family;
  }
  // Its length counts all the same.
  EXPECT_EQ(Source(Binary(0x20, 0x41, std::string(5000, 'x'))), "broken");
  EXPECT_EQ(ParseProxyHeader(Binary(0x20, 0x41, kV4).substr(0, 20)).state,
            State::kMore);
}

TEST(ABinaryHeader, ThatIsWrongIsBroken) {
  EXPECT_EQ(Source(Binary(0x11, 0x11, kV4)), "broken");
  EXPECT_EQ(Source(Binary(0x22, 0x11, kV4)), "broken");
  EXPECT_EQ(Source(Binary(0x21, 0x41, kV4)), "broken");
  EXPECT_EQ(Source(Binary(0x21, 0x13, kV4)), "broken");
  EXPECT_EQ(Source(Binary(0x21, 0x11, "short")), "broken");
  EXPECT_EQ(Source(Binary(0x21, 0x21, kV4)), "broken");
  EXPECT_EQ(Source(Binary(0x21, 0x11, std::string(5000, 'x'))), "broken");
}

TEST(AHeaderInParts, IsWaitedFor) {
  for (const std::string& whole :
       {std::string("PROXY TCP4 203.0.113.7 10.0.0.1 12345 8080\r\n"),
        Binary(0x21, 0x11, kV4)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(ParseProxyHeader(whole.substr(0, size)).state, State::kMore)
          << size;
    }
    EXPECT_EQ(ParseProxyHeader(whole).state, State::kWhole);
  }
}

}  // namespace
}  // namespace herald::gateway
