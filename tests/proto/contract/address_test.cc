// SPDX-License-Identifier: Apache-2.0
//
// Addresses to listen on, and gRPC targets: valid and invalid ones.

#include "proto/contract/address.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::contract {
namespace {

using ::testing::HasSubstr;

TEST(AnAddress, IsHostAndPort) {
  for (const char* text :
       {"127.0.0.1:0", "localhost:65535", "[::1]:80", "[fe80::1%eth0]:80",
        "my_host.local:1", "unix:/run/h.sock", "unix:./8080"}) {
    EXPECT_TRUE(CheckListenAddress(text).ok()) << text;
  }
  for (const char* text : {"",
                           "80",
                           ":80",
                           "host",
                           "host:",
                           "host:x",
                           "host:65536",
                           "::1:80",
                           "host:-1",
                           "host:+1",
                           "[]:80",
                           "[a]:80",
                           "host:80:90",
                           "a b:80",
                           "unix:",
                           "unix:8080",
                           "unix:/tmp/a%41",
                           "unix:/tmp/a b",
                           "http://host:80",
                           "host: 80",
                           "host:80 ",
                           "host:000080",
                           "[zz::1]:5",
                           "[fe80::1%]:80",
                           "256.256.256.256:1",
                           "1.2.3:80",
                           "...:80",
                           "a..b:80"}) {
    EXPECT_FALSE(CheckListenAddress(text).ok()) << text;
  }
}

TEST(AnAddress, IsTakenApartWithoutBrackets) {
  const auto parts = SplitHostPort("[::1]:80");
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->host, "::1");
  EXPECT_EQ(parts->port, 80);
}

TEST(AnAddress, CollidesWithOneThatIncludesIt) {
  using Pair = std::pair<const char*, const char*>;
  for (const auto& [a, b] :
       {Pair("127.0.0.1:80", "127.0.0.1:80"), Pair("0.0.0.0:80", "10.0.0.1:80"),
        Pair("[::]:80", "[::1]:80"), Pair("localhost:80", "127.0.0.1:80"),
        Pair("0.0.0.0:80", "[::1]:80"), Pair("[::]:80", "127.0.0.1:80"),
        Pair("0.0.0.0:80", "[::]:80"), Pair("unix:/a", "unix:/a")}) {
    EXPECT_TRUE(Collide(a, b) && Collide(b, a)) << a << " " << b;
  }
  for (const auto& [a, b] :
       {Pair("127.0.0.1:80", "127.0.0.1:81"),
        Pair("127.0.0.1:0", "127.0.0.1:0"), Pair("10.0.0.1:80", "10.0.0.2:80"),
        Pair("unix:/a", "unix:/b"), Pair("unix:/a", "127.0.0.1:80")}) {
    EXPECT_FALSE(Collide(a, b) || Collide(b, a)) << a << " " << b;
  }
}

TEST(ATarget, IsAnAddressThatGrpcCanDial) {
  for (const char* text : {"127.0.0.1:50051",
                           "localhost:1",
                           "service_1:65535",
                           "[::1]:50051",
                           "dns:///herald:50051",
                           "dns:herald:50051",
                           "dns://8.8.8.8:53/herald:1",
                           "dns:///[::1]:50051",
                           "dns://[::1]:53/h:1",
                           "ipv4:127.0.0.1:50051",
                           "ipv4:10.0.0.1:1,10.0.0.2:2",
                           "ipv6:[::1]:50051",
                           "unix:/run/h.sock",
                           "unix:h.sock",
                           "unix:///run/h.sock",
                           "unix-abstract:herald",
                           "xds:///herald",
                           "dns:///dns:50051",
                           "dns:10.0.0.1:50051",
                           "unix:./50051"}) {
    EXPECT_TRUE(CheckTarget(text).ok()) << text << CheckTarget(text);
  }
}

TEST(ATarget, ThatGrpcWouldMisreadIsRefused) {
  for (const char* text : {"",
                           "http://127.0.0.1:50051",
                           "https://h:1",
                           "grpc://h:1",
                           "tcp://h:1",
                           "127.0.0.1",
                           "localhost",
                           ":50051",
                           "127.0.0.1:99999",
                           "h:65536",
                           "h:0",
                           "h:-1",
                           "h:",
                           "h:http",
                           "x y:1",
                           " h:1",
                           "h:1 ",
                           "h:1\n",
                           "::1:50051",
                           "[::1]",
                           "h:1/path",
                           "user@h:1",
                           "dns:///h",
                           "dns:///h:0",
                           "dns://h:1",
                           "ipv4:127.0.0.1:0",
                           "ipv6:[::1]",
                           "ipv4:10.0.0.1:1,10.0.0.2",
                           "ipv4:abc:5",
                           "ipv4:999.9.9.9:5",
                           "ipv4:10.0.0.1:1,abc:2",
                           "ipv4:[::1]:5",
                           "ipv6:[zz::1]:5",
                           "ipv6:[::1]:1,10.0.0.1:2",
                           "dns://8.8.8.8/a:1",
                           "dns://resolver:53/a:1",
                           "dns://[::1]/a:1",
                           "dns:///256.0.0.1:1",
                           "[zz::1]:5",
                           "[fe80::1%]:5",
                           "256.256.256.256:1",
                           "1.2.3:5",
                           "1234:5",
                           "a..b:5",
                           "unix:",
                           "unix://",
                           "unix://run/h.sock",
                           "unix:/run/my dir/h.sock",
                           "unix:/run/a%41",
                           "unix-abstract:a%41",
                           "unix-abstract:a\"b",
                           "dns:50051",
                           "unix:50051",
                           "ipv4:50051",
                           "ipv6:50051",
                           "unix-abstract:50051",
                           "xds:50051",
                           "xds:///",
                           "xds:///a b",
                           "xds:///%61",
                           "google-c2p:50051",
                           "ipv4:a"}) {
    EXPECT_FALSE(CheckTarget(text).ok()) << text;
  }
}

TEST(ATarget, IsRefusedWithTheMistakeOrTheRemedy) {
  EXPECT_THAT(std::string(CheckTarget("http://h:1").message()),
              HasSubstr("leave out http://"));
  EXPECT_THAT(std::string(CheckTarget("h").message()), HasSubstr("no port"));
  EXPECT_THAT(std::string(CheckTarget("dns:50051").message()),
              HasSubstr("a host of that name is written dns:///dns:50051"));
}

}  // namespace
}  // namespace herald::contract
