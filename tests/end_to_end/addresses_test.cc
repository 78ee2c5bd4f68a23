// SPDX-License-Identifier: Apache-2.0
//
// Every address that a process listens on, over IPv6 and as a unix socket, with
// all traffic between the processes on them.

#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/backend.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing_support::Backend;
using testing_support::ClientFrame;
using testing_support::Exit;
using testing_support::HttpGet;
using testing_support::kGatewayBinary;
using testing_support::kServiceBinary;
using testing_support::kText;
using testing_support::Process;
using testing_support::RawSocket;
using testing_support::WaitUntil;

class AnAddressFamily : public ::testing::TestWithParam<const char*> {
 protected:
  AnAddressFamily() { EXPECT_NE(mkdtemp(folder_.data()), nullptr); }
  ~AnAddressFamily() override { std::filesystem::remove_all(folder_); }

  // Where to listen: a free port, or a path.
  std::string Address(const char* name) const {
    return absl::StrCat(GetParam(), IsUnix() ? folder_ : "",
                        IsUnix() ? absl::StrCat("/", name) : "0");
  }
  static bool IsUnix() { return absl::StartsWith(GetParam(), "unix:"); }

  bool IsReady(const std::string& address) const {
    return WaitUntil([&] { return HttpGet(address, "/readyz").status == 200; });
  }

 private:
  std::string folder_ = "/tmp/herald-addresses-XXXXXX";
};

INSTANTIATE_TEST_SUITE_P(All, AnAddressFamily,
                         ::testing::Values("[::1]:", "127.0.0.1:", "unix:"));

TEST_P(AnAddressFamily, CarriesAllTraffic) {
  Process service({kServiceBinary, "--grpc-address=" + Address("grpc"),
                   "--metrics-address=" + Address("metrics")});
  const std::string grpc = service.ListeningAddress("grpc");
  const std::string metrics = service.ListeningAddress("metrics");
  Process gateway({kGatewayBinary, "--ws-address=" + Address("ws"),
                   "--gateway-metrics-address=" + Address("gateway-metrics"),
                   "--gateway-threads=2", "--service=" + grpc});
  const std::string ws = gateway.ListeningAddress("ws");
  const std::string more = gateway.ListeningAddress("metrics");
  for (const std::string& address : {metrics, ws, more}) {
    EXPECT_THAT(address, StartsWith(GetParam()));
    EXPECT_TRUE(IsReady(address)) << address;
  }
  EXPECT_THAT(HttpGet(metrics, "/metrics").body, HasSubstr("herald_clients"));
  EXPECT_THAT(HttpGet(more, "/metrics").body, HasSubstr("herald_gateway_"));

  RawSocket ada(ws);
  ASSERT_EQ(ada.Upgrade(), 101);
  EXPECT_THAT(ada.ReadFrame()->payload, HasSubstr("connected"));
  ada.Send(ClientFrame(kText, R"({"type":"subscribe","channel":"news"})"));
  EXPECT_THAT(ada.ReadFrame()->payload, HasSubstr("subscribed"));
  EXPECT_EQ(Backend(grpc).Broadcast("news", "created", "1"), 1);
  EXPECT_THAT(ada.ReadFrame()->payload, HasSubstr("created"));

  // A stop leaves no file behind.
  for (Process* process : {&gateway, &service}) {
    process->Signal(SIGTERM);
    if (process == &gateway) {
      EXPECT_EQ(ada.ReadUntilClose(), 1001);
    }
    EXPECT_EQ(process->WaitForExit(), (Exit{0, 0}));
  }
  for (const std::string& address : {grpc, metrics, ws, more}) {
    if (!IsUnix()) break;
    EXPECT_FALSE(std::filesystem::exists(address.substr(5))) << address;
  }
}

// Whether the machine has the address; a name may have others, too.
bool HasAddress(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool bound = bind(fd, address.ai_addr, address.ai_addrlen) == 0;
  close(fd);
  return bound;
}

// `localhost:port` with each address of localhost in the place of the name.
std::vector<std::string> EachAddress(absl::string_view address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  EXPECT_EQ(getaddrinfo("localhost", nullptr, &hints, &found), 0);
  std::vector<std::string> each;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (!HasAddress(*one)) continue;
    char host[NI_MAXHOST];
    EXPECT_EQ(getnameinfo(one->ai_addr, one->ai_addrlen, host, sizeof(host),
                          nullptr, 0, NI_NUMERICHOST),
              0);
    const bool is_v6 = one->ai_family == AF_INET6;
    each.push_back(absl::StrCat(is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                                address.substr(address.rfind(':'))));
  }
  if (found != nullptr) freeaddrinfo(found);
  EXPECT_THAT(each, Not(IsEmpty())) << address;
  return each;
}

TEST(Localhost, IsListenedAtAtAllItsAddresses) {
  Process service({kServiceBinary, "--grpc-address=localhost:0",
                   "--metrics-address=localhost:0"});
  const std::string grpc = service.ListeningAddress("grpc");
  Process gateway({kGatewayBinary, "--ws-address=localhost:0",
                   "--gateway-metrics-address=localhost:0",
                   "--gateway-threads=2", "--service=" + grpc});
  const std::string ws = gateway.ListeningAddress("ws");
  for (const std::string& name : {service.ListeningAddress("metrics"), ws,
                                  gateway.ListeningAddress("metrics")}) {
    EXPECT_THAT(name, StartsWith("localhost:"));
    for (const std::string& address : EachAddress(name)) {
      EXPECT_TRUE(WaitUntil([&] {
        return HttpGet(address, "/readyz").status == 200;
      })) << address;
    }
  }
  for (const std::string& address : EachAddress(ws)) {
    RawSocket browser(address);
    EXPECT_EQ(browser.Upgrade(), 101) << address;
  }
  EXPECT_THAT(grpc, StartsWith("localhost:"));
  for (const std::string& address : EachAddress(grpc)) {
    EXPECT_EQ(Backend(address).Broadcast("news", "created", "1"), 0) << address;
  }
}

}  // namespace
}  // namespace herald::end_to_end
