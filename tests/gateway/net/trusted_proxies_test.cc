// SPDX-License-Identifier: Apache-2.0
//
// Which proxies are trusted, and which address follows from their headers.

#include "gateway/net/trusted_proxies.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

using Address = TrustedProxies::Address;
using Fields = std::vector<absl::string_view>;

TrustedProxies Of(const std::vector<std::string>& list) {
  auto proxies = TrustedProxies::Parse(list);
  EXPECT_TRUE(proxies.ok()) << proxies.status();
  return *std::move(proxies);
}

std::optional<Address> At(const std::string& text) {
  if (text == "unix") return std::nullopt;
  return boost::asio::ip::make_address(text);
}

std::string Client(const TrustedProxies& proxies, const std::string& peer,
                   const Fields& fields, const std::string& proxied = "unix") {
  const auto client = proxies.ClientOf(At(peer), At(proxied), fields);
  return client ? client->to_string() : "unix";
}

TEST(ARange, IsAnAddressOrItsFirstBits) {
  const TrustedProxies proxies =
      Of({"10.0.0.0/8", "192.0.2.1", "2001:db8::/33", "172.16.0.0/12"});
  for (const char* address :
       {"10.0.0.1", "10.255.255.255", "192.0.2.1", "2001:db8:7fff::1",
        "172.31.0.1", "::ffff:10.0.0.1"}) {
    EXPECT_TRUE(proxies.Trusts(At(address))) << address;
  }
  for (const char* address : {"11.0.0.1", "192.0.2.2", "2001:db8:8000::1",
                              "172.32.0.1", "::1", "unix"}) {
    EXPECT_FALSE(proxies.Trusts(At(address))) << address;
  }
  EXPECT_TRUE(Of({"0.0.0.0/0"}).Trusts(At("1.2.3.4")));
  EXPECT_FALSE(Of({"0.0.0.0/0"}).Trusts(At("::1")));
  EXPECT_TRUE(Of({"::/0", "unix"}).Trusts(At("unix")));
}

TEST(ARange, ThatIsNoneIsNamed) {
  for (const char* text : {"10.0.0.0/33", "::/129", "10.0.0/8", "proxy",
                           "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1:80"}) {
    const auto proxies = TrustedProxies::Parse({"::1", text});
    ASSERT_FALSE(proxies.ok()) << text;
    EXPECT_TRUE(absl::StrContains(proxies.status().message(), text));
  }
}

TEST(APeer, IsBelievedOnlyIfItIsTrusted) {
  const TrustedProxies none;
  EXPECT_EQ(Client(none, "10.0.0.1", {"1.1.1.1"}, "2.2.2.2"), "10.0.0.1");
  const TrustedProxies proxies = Of({"10.0.0.0/8"});
  EXPECT_EQ(Client(proxies, "11.0.0.1", {"1.1.1.1"}, "2.2.2.2"), "11.0.0.1");
  EXPECT_EQ(Client(proxies, "10.0.0.1", {}), "10.0.0.1");
  EXPECT_EQ(Client(proxies, "10.0.0.1", {"1.1.1.1"}), "1.1.1.1");
  EXPECT_EQ(Client(proxies, "10.0.0.1", {"1.1.1.1"}, "2.2.2.2"), "2.2.2.2");
  EXPECT_EQ(Client(proxies, "10.0.0.1", {"1.1.1.1"}, "10.0.0.2"), "1.1.1.1");
  EXPECT_EQ(Client(proxies, "unix", {"1.1.1.1"}), "unix");
  EXPECT_EQ(Client(Of({"unix"}), "unix", {"1.1.1.1"}), "1.1.1.1");
}

TEST(TheClient, IsTheLastAddressThatIsNoTrustedProxy) {
  const TrustedProxies proxies = Of({"10.0.0.0/8", "2001:db8::/32"});
  const auto client = [&](const Fields& fields) {
    return Client(proxies, "10.0.0.1", fields);
  };
  EXPECT_EQ(client({"6.6.6.6, 1.1.1.1, 10.0.0.3"}), "1.1.1.1");
  EXPECT_EQ(client({"6.6.6.6", "1.1.1.1", "10.0.0.3,10.0.0.2"}), "1.1.1.1");
  EXPECT_EQ(client({"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
  EXPECT_EQ(client({"1.1.1.1:5000, [2001:db8::1]:443"}), "1.1.1.1");
  EXPECT_EQ(client({"[2001:dead::1]:443"}), "2001:dead::1");
  EXPECT_EQ(client({"[2001:dead::1]"}), "2001:dead::1");
  EXPECT_EQ(client({"2001:dead::1, 2001:db8::1"}), "2001:dead::1");
  EXPECT_EQ(client({"::ffff:1.2.3.4"}), "1.2.3.4");
  EXPECT_EQ(client({"1.1.1.1,, ,"}), "1.1.1.1");
}

TEST(TheClient, IsTheLastOneReachedIfTheRestCannotBeRead) {
  const TrustedProxies proxies = Of({"10.0.0.0/8"});
  for (const char* text : {"1.1.1.1, unknown, 10.0.0.2",
                           "1.1.1.1, _x, 10.0.0.2", "1.1.1.1, 1.2.3, 10.0.0.2",
                           "[, 10.0.0.2", "1.1.1.1, \"2.2.2.2\", 10.0.0.2"}) {
    EXPECT_EQ(Client(proxies, "10.0.0.1", {text}), "10.0.0.2") << text;
  }
}

}  // namespace
}  // namespace herald::gateway
