// SPDX-License-Identifier: Apache-2.0
//
// Which addresses can be listened at, and what is said of those that cannot.

#include "proto/process/listening_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::process {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Whether a caller gets in, over the family that the address is of.
bool Dial(const sockaddr* address, socklen_t size) {
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, address, size) == 0;
  close(fd);
  return connected;
}

in_port_t PortOf(const ListeningSockets& sockets) {
  const std::string& address = sockets.address();
  return static_cast<in_port_t>(
      std::stoi(address.substr(address.rfind(':') + 1)));
}

bool DialV4(in_port_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return Dial(reinterpret_cast<sockaddr*>(&address), sizeof(address));
}

bool DialV6(in_port_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return Dial(reinterpret_cast<sockaddr*>(&address), sizeof(address));
}

// Whether this machine has IPv6.
bool HasV6() { return ListeningSockets::Listen("[::1]:0").ok(); }

TEST(Listening, IsPossibleAtTheAddressesOfAHost) {
  const auto v4 = ListeningSockets::Listen("127.0.0.1:0");
  ASSERT_TRUE(v4.ok()) << v4.status();
  EXPECT_THAT(v4->address(), StartsWith("127.0.0.1:"));
  EXPECT_TRUE(DialV4(PortOf(*v4)));
  EXPECT_FALSE(DialV6(PortOf(*v4)));
  if (!HasV6()) GTEST_SKIP() << "no IPv6";
  const auto v6 = ListeningSockets::Listen("[::1]:0");
  EXPECT_TRUE(DialV6(PortOf(*v6)));
  EXPECT_FALSE(DialV4(PortOf(*v6)));
}

TEST(Listening, AtAWildcardIsForBothFamilies) {
  for (const char* address : {"0.0.0.0:0", "[::]:0"}) {
    const auto sockets = ListeningSockets::Listen(address);
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    EXPECT_TRUE(DialV4(PortOf(*sockets))) << address;
    EXPECT_EQ(DialV6(PortOf(*sockets)), HasV6()) << address;
  }
}

TEST(Listening, AtATakenPortIsAnError) {
  const auto first = ListeningSockets::Listen("127.0.0.1:0");
  const auto second = ListeningSockets::Listen(first->address());
  ASSERT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_EQ(second.status().message(),
            absl::StrCat("cannot listen on ", first->address(),
                         ": Address already in use"));
}

TEST(Listening, SaysWhatIsWrongWithAnAddress) {
  for (const char* address : {"nowhere.invalid:1", "192.0.2.1:0", "here"}) {
    const auto sockets = ListeningSockets::Listen(address);
    EXPECT_TRUE(absl::IsUnavailable(sockets.status())) << address;
    EXPECT_THAT(std::string(sockets.status().message()),
                HasSubstr(absl::StrCat("cannot listen on ", address, ": ")));
  }
}

TEST(Listening, AtAPathReplacesOnlyWhatIsLeftOver) {
  std::string folder = "/tmp/herald-listening-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string address = absl::StrCat("unix:", folder, "/socket");
  {
    const auto first = ListeningSockets::Listen(address);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(first->address(), address);
    EXPECT_THAT(
        std::string(ListeningSockets::Listen(address).status().message()),
        EndsWith("Address already in use"));
  }
  EXPECT_EQ(rmdir(folder.c_str()), 0) << "the path goes with the sockets";
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  // What a killed process leaves behind.
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  std::strcpy(path.sun_path, absl::StrCat(folder, "/socket").c_str());
  const int killed = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(killed, reinterpret_cast<sockaddr*>(&path), sizeof(path)), 0);
  close(killed);
  EXPECT_TRUE(ListeningSockets::Listen(address).ok());
  rmdir(folder.c_str());
}

TEST(Listening, AtAPathLeavesAFileThatIsNoSocket) {
  std::string path = "/tmp/herald-listening-XXXXXX";
  const int file = mkstemp(path.data());
  ASSERT_GE(file, 0);
  close(file);
  const auto sockets = ListeningSockets::Listen(absl::StrCat("unix:", path));
  EXPECT_THAT(std::string(sockets.status().message()), HasSubstr("no socket"));
  EXPECT_EQ(unlink(path.c_str()), 0) << "it is still there";
}

TEST(Listening, InCopiesIsAtOneAddress) {
  const auto sockets = ListeningSockets::Listen("127.0.0.1:0", 3);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(sockets->descriptors().size(), 3u);
  EXPECT_TRUE(DialV4(PortOf(*sockets)));
  EXPECT_FALSE(ListeningSockets::Listen(sockets->address(), 3).ok());
}

}  // namespace
}  // namespace herald::process
