// SPDX-License-Identifier: Apache-2.0
//
// A gateway behind proxies: its path, its port for metrics, and the address of
// the client, as the authorizer gets it.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using testing_support::ClientFrame;
using testing_support::HttpGet;
using testing_support::kGatewayBinary;
using testing_support::kServiceBinary;
using testing_support::kText;
using testing_support::Process;
using testing_support::RawSocket;
using testing_support::ScriptedAuthorizer;
using testing_support::WaitUntil;

constexpr char kLine[] = "PROXY TCP4 203.0.113.7 10.0.0.1 12345 8080\r\n";

// The same in version 2: signature, PROXY, TCP4, 12 bytes of addresses.
const std::string kBinaryHeader(
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C"
    "\xCB\0\x71\x07\x0A\0\0\x01\x30\x39\x1F\x90",
    28);

class BehindProxies : public ::testing::Test {
 protected:
  // Starts a gateway; `ws_` and `metrics_` are its addresses.
  void Start(std::vector<std::string> flags,
             const std::string& address = "127.0.0.1:0") {
    flags.insert(flags.begin(),
                 {kGatewayBinary, "--ws-address=" + address,
                  "--gateway-metrics-address=127.0.0.1:0",
                  "--service=" + service_.ListeningAddress("grpc")});
    gateway_ = std::make_unique<Process>(std::move(flags));
    ws_ = gateway_->ListeningAddress("ws");
    metrics_ = gateway_->ListeningAddress("metrics");
    EXPECT_TRUE(
        WaitUntil([&] { return HttpGet(metrics_, "/readyz").status == 200; }));
  }

  // The client's address, as the authorizer gets it, of a connection that
  // begins with `prelude` and has `headers`.
  std::string RemoteAddress(const std::string& prelude,
                            const std::string& headers = "") {
    RawSocket socket(ws_);
    socket.Send(prelude);
    EXPECT_EQ(socket.Upgrade(headers), 101);
    socket.ReadFrame();
    socket.Send(ClientFrame(
        kText, R"({"type":"subscribe","channel":"private-x","auth":"yes"})"));
    const auto answer = socket.ReadFrame();
    if (!answer.has_value()) return "no answer";
    EXPECT_THAT(answer->payload, HasSubstr("subscribed"));
    return authorizer_.questions().back().connection().remote_address();
  }

  static std::string Forwarded(const std::string& addresses) {
    return absl::StrCat("X-Forwarded-For: ", addresses, "\r\n");
  }

  ScriptedAuthorizer authorizer_;
  Process service_{{kServiceBinary, "--grpc-address=127.0.0.1:0",
                    "--metrics-address=127.0.0.1:0",
                    "--authorizer=" + authorizer_.address(),
                    "--authorizer-timeout=10"}};
  std::unique_ptr<Process> gateway_;
  std::string ws_;
  std::string metrics_;
};

TEST_F(BehindProxies, ThePathIsThatOfTheSetting) {
  Start({"--ws-path=/live/socket"});
  EXPECT_EQ(RawSocket(ws_).Upgrade("", "/live/socket"), 101);
  EXPECT_EQ(RawSocket(ws_).Upgrade("", "/live/socket/?a=b"), 101);
  EXPECT_EQ(RawSocket(ws_).Upgrade("", "/ws"), 404);
  const auto answer = HttpGet(ws_, "/ws");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("/live/socket"));
}

TEST_F(BehindProxies, MetricsAreOnAPortOfTheirOwn) {
  Start({});
  for (const std::string& address : {ws_, metrics_}) {
    EXPECT_EQ(HttpGet(address, "/livez").status, 200);
    EXPECT_EQ(HttpGet(address, "/readyz").status, 200);
  }
  EXPECT_EQ(HttpGet(ws_, "/metrics").status, 404);
  const auto metrics = HttpGet(metrics_, "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(metrics.body, HasSubstr("herald_gateway_connections"));
  EXPECT_EQ(HttpGet(metrics_, "/ws").status, 404);
}

TEST_F(BehindProxies, TheProxyProtocolNamesTheClient) {
  Start({"--proxy-protocol=required",
         "--trusted-proxies=127.0.0.0/8,10.0.0.0/8"});
  EXPECT_EQ(RemoteAddress(kLine), "203.0.113.7");
  EXPECT_EQ(RemoteAddress(kBinaryHeader), "203.0.113.7");
  EXPECT_EQ(RemoteAddress("PROXY UNKNOWN\r\n"), "127.0.0.1");
  // The client of a proxy in front of the one that speaks the protocol.
  EXPECT_EQ(RemoteAddress("PROXY TCP4 10.1.1.1 10.0.0.1 1 2\r\n",
                          Forwarded("198.51.100.1, 203.0.113.9")),
            "203.0.113.9");
  // A header of the client's own does not count.
  EXPECT_EQ(RemoteAddress(kLine, Forwarded("198.51.100.1")), "203.0.113.7");

  RawSocket bare(ws_);
  bare.Send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(bare.ReadToEnd(), "");
  gateway_->WaitForLine("connection closed: no PROXY header");
}

TEST_F(BehindProxies, AProxyThatIsNotTrustedIsIgnored) {
  Start({"--proxy-protocol=required", "--trusted-proxies=10.0.0.1"});
  EXPECT_EQ(RemoteAddress(kLine, Forwarded("198.51.100.1")), "127.0.0.1");
  EXPECT_EQ(RemoteAddress(kBinaryHeader), "127.0.0.1");
}

TEST_F(BehindProxies, TheLastForwardedAddressThatIsNoProxysCounts) {
  Start({"--trusted-proxies=127.0.0.1,10.0.0.0/8,2001:db8::/32"});
  EXPECT_EQ(RemoteAddress("", Forwarded("198.51.100.1, 203.0.113.7, 10.1.2.3")),
            "203.0.113.7");
  // Each proxy may add a line of its own.
  EXPECT_EQ(RemoteAddress(
                "", Forwarded("203.0.113.7") + Forwarded("[2001:db8::1]:4711")),
            "203.0.113.7");
  EXPECT_EQ(RemoteAddress(""), "127.0.0.1");
  // The header of any other peer is ignored.
  Start({"--trusted-proxies=10.0.0.0/8"});
  EXPECT_EQ(RemoteAddress("", Forwarded("203.0.113.7")), "127.0.0.1");
}

TEST_F(BehindProxies, APeerOnAUnixSocketMayBeTrusted) {
  const std::string path = absl::StrCat("/tmp/herald-proxies-", getpid());
  Start({"--trusted-proxies=unix"}, "unix:" + path);
  EXPECT_EQ(RemoteAddress("", Forwarded("203.0.113.7")), "203.0.113.7");
  EXPECT_EQ(RemoteAddress(""), "unix");
}

}  // namespace
}  // namespace herald::end_to_end
