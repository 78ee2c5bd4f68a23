// SPDX-License-Identifier: Apache-2.0
//
// Ports that are shared or in use, and a listener without files.

#include "gateway/http/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "proto/contract/address.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/connection.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using testing_support::RawSocket;

class Listening : public ::testing::Test {
 protected:
  Listening() {
    state_.router = &router_;
    state_.endpoints.Add("/ws", &dialect_);
    state_.observer = &observer_;
    for (int i = 0; i < 3; ++i) {
      loops_.push_back(std::make_unique<EventLoop>(i, &state_));
    }
  }

  NativeDialect dialect_;
  NetObserver observer_;
  Router router_{1, "test", &observer_};
  GatewayState state_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
};

TEST_F(Listening, GivesEachLoopASocketOfTheSamePort) {
  const auto listening = Listen("127.0.0.1:0", loops_);
  ASSERT_TRUE(listening.ok()) << listening.status();
  ASSERT_EQ(listening->acceptors.size(), 3u);
  const auto parts = contract::SplitHostPort(listening->sockets.address());
  ASSERT_TRUE(parts.has_value()) << listening->sockets.address();
  EXPECT_EQ(parts->host, "127.0.0.1");
  EXPECT_GT(parts->port, 0);
  for (const StreamAcceptor& acceptor : listening->acceptors) {
    sockaddr_in bound{};
    std::memcpy(&bound, acceptor.local_endpoint().data(), sizeof bound);
    EXPECT_EQ(ntohs(bound.sin_port), parts->port);
  }
}

TEST_F(Listening, IsRefusedAPortThatAnotherGatewayHas) {
  const auto first = Listen("127.0.0.1:0", loops_);
  ASSERT_TRUE(first.ok());
  const auto second = Listen(first->sockets.address(), loops_);
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(absl::StrContains(second.status().message(), "in use"))
      << second.status();
}

TEST_F(Listening, MayHaveAPortAgainAfterwards) {
  std::string address;
  {
    const auto first = Listen("127.0.0.1:0", loops_);
    ASSERT_TRUE(first.ok());
    address = first->sockets.address();
  }
  EXPECT_TRUE(Listen(address, loops_).ok());
}

TEST_F(Listening, NamesTheMistakeOfAnAddress) {
  EXPECT_FALSE(Listen("nowhere", loops_).ok());
  EXPECT_FALSE(Listen("no.such.host.invalid:80", loops_).ok());
  EXPECT_FALSE(Listen("192.0.2.1:0", loops_).ok()) << "another machine's";
}

// Its loops share the queue of the socket, and each accepts all it can.
TEST(AUnixSocket, ServesBrowsersOfAProxyOnThisMachine) {
  std::string folder = "/tmp/herald-listener-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/ws";
  {
    TestGateway gateway(
        {.threads = 3, .address = "unix:" + path, .trusted_proxies = {"unix"}});
    gateway.Settle();
    std::vector<std::unique_ptr<RawSocket>> sockets;
    for (int i = 0; i < 20; ++i) {
      sockets.push_back(std::make_unique<RawSocket>("unix:" + path));
      ASSERT_EQ(sockets.back()->Upgrade("X-Forwarded-For: 203.0.113.7\r\n"),
                101);
    }
    RawSocket& ada = *sockets.back();
    ada.Send(testing_support::ClientFrame(
        testing_support::kText,
        R"({"type":"subscribe","channel":"private-x"})"));
    EXPECT_EQ(
        testing_support::ConnectionOf(gateway.WaitForSubscribe("private-x"))
            .remote_address(),
        "203.0.113.7");
  }
  EXPECT_EQ(rmdir(folder.c_str()), 0) << "the socket's file is still there";
}

// No new file for the process while it lives.
class NoFiles {
 public:
  NoFiles() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoFiles() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(WantOfFiles, IsCountedAndPasses) {
  TestGateway gateway;
  const auto parts = contract::SplitHostPort(gateway.address());
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  peer.sin_port = htons(parts->port);
  {
    const NoFiles no_files;
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)),
              0);
    // It rests between its attempts, so there are few.
    EXPECT_TRUE(testing_support::WaitUntil([&] {
      return gateway.Metric("herald_gateway_accept_errors_total") >= 2;
    }));
  }
  RawSocket ada(gateway.address());
  EXPECT_EQ(ada.Upgrade(), 101);
  ::close(fd);
}

TEST(WantOfFiles, LetsConnectionsWaitUntilThereIsOne) {
  constexpr int kDescriptorsMax = 200;
  TestGateway gateway({.descriptors_max = kDescriptorsMax});
  // Its loop runs, so nothing that starts gives back a file below the bound.
  RawSocket eve(gateway.address());
  ASSERT_EQ(eve.Upgrade(), 101);
  std::vector<int> taken;
  do {
    taken.push_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
  } while (taken.back() >= 0 && taken.back() < kDescriptorsMax - 1);
  RawSocket ada(gateway.address());
  EXPECT_TRUE(testing_support::WaitUntil([&] {
    return gateway.Metric("herald_gateway_accept_errors_total") >= 2;
  }));
  RawSocket bob(gateway.address());
  for (const int fd : taken) ::close(fd);
  EXPECT_EQ(ada.Upgrade(), 101);
  EXPECT_EQ(bob.Upgrade(), 101);
}

}  // namespace
}  // namespace herald::gateway
