// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/connection_bytes.h"

#include <string>

#include "gtest/gtest.h"
#include "herald/v1/authorizer_service.pb.h"

namespace herald::authorizer {
namespace {

std::string Serialized() {
  v1::Connection connection;
  connection.set_remote_address("203.0.113.7");
  connection.set_origin("https://example.com");
  (*connection.mutable_headers())["cookie"] = std::string(300, 'c');
  (*connection.mutable_headers())["x-latin"] = "café";
  return connection.SerializeAsString();
}

bool IsConnection(const std::string& bytes) {
  return v1::Connection().ParseFromString(bytes);
}

TEST(AConnection, NamesItsAddressWithoutBeingParsed) {
  EXPECT_EQ(*RemoteAddressOf(Serialized()), "203.0.113.7");
  EXPECT_EQ(*RemoteAddressOf(""), "");
  v1::Connection second;
  second.set_remote_address("203.0.113.8");
  EXPECT_EQ(*RemoteAddressOf(Serialized() + second.SerializeAsString()),
            "203.0.113.8")
      << "as in protobuf, the last one counts";
}

TEST(AConnection, OfALaterReleaseIsRead) {
  // Fields 9, 10, 11 and 12: a number, 8 bytes, 4 bytes and a text that is
  // not UTF-8.
  const std::string later = std::string("\x48\xAC\x02") +
                            "\x51"
                            "12345678" +
                            "\x5D"
                            "1234" +
                            "\x62\x01\xFF";
  EXPECT_TRUE(IsConnection(later));
  EXPECT_EQ(*RemoteAddressOf(later + Serialized()), "203.0.113.7");
}

// Wherever it is cut or damaged, it is refused if protobuf refuses it.
TEST(AConnection, IsRefusedAsProtobufDoes) {
  const std::string whole = Serialized();
  int refused = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    const std::string cut = whole.substr(0, i);
    EXPECT_EQ(RemoteAddressOf(cut).ok(), IsConnection(cut)) << i;
    for (const char byte : {'\0', '\x07', '\x7F', '\xFF'}) {
      std::string damaged = whole;
      damaged[i] = byte;
      const bool ok = RemoteAddressOf(damaged).ok();
      EXPECT_TRUE(!ok || IsConnection(damaged)) << i << " " << int{byte};
      refused += ok ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_TRUE(absl::IsInvalidArgument(RemoteAddressOf("\x0A\x05").status()));
}

}  // namespace
}  // namespace herald::authorizer
