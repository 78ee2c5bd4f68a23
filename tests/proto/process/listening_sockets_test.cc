// SPDX-License-Identifier: Apache-2.0
//
// Addresses to listen at, and the errors for the others.

#include "proto/process/listening_sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::process {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Whether a caller can connect, over the family of the address.
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

// The addresses of `a.name`.
std::vector<const char*> the_addresses;

// As getaddrinfo(), but with an answer that does not depend on the machine.
int Lookup(const char* host, const char* port, const addrinfo* hints,
           addrinfo** list) {
  EXPECT_STREQ(host, "a.name");
  *list = nullptr;
  for (const char* const address : the_addresses) {
    const int error = getaddrinfo(address, port, hints, list);
    if (error != 0) return error;
    while (*list != nullptr) list = &(*list)->ai_next;
  }
  return 0;
}

absl::StatusOr<ListeningSockets> ListenAtName(
    std::vector<const char*> addresses, int copies = 1, in_port_t port = 0) {
  the_addresses = std::move(addresses);
  return ListeningSockets::Listen(absl::StrCat("a.name:", port), copies,
                                  &Lookup);
}

// Where each of the sockets listens, as `address:port`, after a call to it.
std::vector<std::string> DialEach(const ListeningSockets& sockets) {
  std::vector<std::string> dialled;
  for (const int fd : sockets.descriptors()) {
    sockaddr_storage own{};
    socklen_t size = sizeof(own);
    auto* const address = reinterpret_cast<sockaddr*>(&own);
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    EXPECT_EQ(getsockname(fd, address, &size), 0);
    EXPECT_EQ(getnameinfo(address, size, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV),
              0);
    EXPECT_TRUE(Dial(address, size)) << host;
    dialled.push_back(absl::StrCat(host, ":", port));
  }
  return dialled;
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

TEST(Listening, AtANameIsAtAllItsAddressesOnOnePort) {
  const auto sockets = ListenAtName({"127.0.0.2", "127.0.0.1"}, /*copies=*/2);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  const in_port_t port = PortOf(*sockets);
  EXPECT_EQ(sockets->address(), absl::StrCat("a.name:", port));
  EXPECT_THAT(DialEach(*sockets),
              ElementsAre(absl::StrCat("127.0.0.2:", port),
                          absl::StrCat("127.0.0.2:", port),
                          absl::StrCat("127.0.0.1:", port),
                          absl::StrCat("127.0.0.1:", port)));
}

TEST(Listening, AtANameIsAtTheAddressesOfBothFamilies) {
  if (!HasV6()) GTEST_SKIP() << "no IPv6";
  for (const auto& addresses : {std::vector<const char*>{"127.0.0.1", "::1"},
                                std::vector<const char*>{"::1", "127.0.0.1"}}) {
    const auto sockets = ListenAtName(addresses);
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    EXPECT_EQ(sockets->descriptors().size(), 2u);
    EXPECT_TRUE(DialV4(PortOf(*sockets)));
    EXPECT_TRUE(DialV6(PortOf(*sockets)));
  }
}

TEST(Listening, AtANameUsesADuplicateAddressOnce) {
  const auto sockets = ListenAtName({"127.0.0.1", "127.0.0.2", "127.0.0.1"});
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(DialEach(*sockets).size(), 2u);
}

TEST(Listening, AtANameLeavesOutFamiliesThatTheMachineLacks) {
  const auto sockets = ListenAtName({"192.0.2.1", "127.0.0.1"}, /*copies=*/2);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(DialEach(*sockets).size(), 2u);
  EXPECT_TRUE(DialV4(PortOf(*sockets)));
  EXPECT_THAT(std::string(ListenAtName({"192.0.2.1"}).status().message()),
              StartsWith("cannot listen on a.name:0: Cannot assign"));
}

TEST(Listening, AtANameWithATakenAddressIsAnError) {
  const auto taken = ListeningSockets::Listen("127.0.0.2:0");
  ASSERT_TRUE(taken.ok()) << taken.status();
  const in_port_t port = PortOf(*taken);
  EXPECT_EQ(
      ListenAtName({"127.0.0.1", "127.0.0.2"}, 1, port).status().message(),
      absl::StrCat("cannot listen on a.name:", port,
                   ": Address already in use"));
}

TEST(Listening, AtLocalhostIsAtAllThatTheMachineCallsSo) {
  const auto sockets = ListeningSockets::Listen("localhost:0");
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  ASSERT_EQ(getaddrinfo("localhost", absl::StrCat(PortOf(*sockets)).c_str(),
                        &hints, &found),
            0);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (one->ai_family == AF_INET6 && !HasV6()) continue;
    EXPECT_TRUE(Dial(one->ai_addr, one->ai_addrlen)) << one->ai_family;
  }
  freeaddrinfo(found);
}

TEST(Listening, AtATakenPortIsAnError) {
  const auto first = ListeningSockets::Listen("127.0.0.1:0");
  const auto second = ListeningSockets::Listen(first->address());
  ASSERT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_EQ(second.status().message(),
            absl::StrCat("cannot listen on ", first->address(),
                         ": Address already in use"));
}

TEST(Listening, NamesTheMistakeInAnAddress) {
  for (const char* address : {"nowhere.invalid:1", "192.0.2.1:0", "here"}) {
    const auto sockets = ListeningSockets::Listen(address);
    EXPECT_TRUE(absl::IsUnavailable(sockets.status())) << address;
    EXPECT_THAT(std::string(sockets.status().message()),
                HasSubstr(absl::StrCat("cannot listen on ", address, ": ")));
  }
}

TEST(Listening, AtAPathReplacesOnlyAStaleSocket) {
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
  // The socket file of a killed process.
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
