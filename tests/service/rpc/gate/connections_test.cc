// SPDX-License-Identifier: Apache-2.0
//
// Which connections are closed for others, and which for their bytes and calls,
// with real sockets.

#include "service/rpc/gate/connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "proto/contract/mutex.h"
#include "service/process/timer_thread.h"
#include "service/rpc/gate/open_streams.h"
#include "tests/support/deadline.h"

namespace herald::rpc {
namespace {

// Connections of 127.0.0.0/8 to one listening socket.
class AConnection : public ::testing::Test {
 protected:
  struct Pair {
    int client = -1;
    int server = -1;
    std::string peer;  // As gRPC names it.
  };

  AConnection() : listening_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = Loopback("127.0.0.1");
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&address),
                   sizeof(address)),
              0);
    EXPECT_EQ(listen(listening_, 100), 0);
  }
  ~AConnection() override {
    for (const Pair& one : open_) {
      close(one.client);
      close(one.server);
    }
    close(listening_);
  }

  static sockaddr_in Loopback(const char* host) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
  }

  Pair Open(const char* from = "127.0.0.1") {
    Pair pair;
    pair.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(from);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(pair.client, any, size), 0);
    sockaddr_in server = {};
    getsockname(listening_, reinterpret_cast<sockaddr*>(&server), &size);
    EXPECT_EQ(connect(pair.client, reinterpret_cast<sockaddr*>(&server), size),
              0);
    getsockname(pair.client, any, &size);
    pair.server = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    pair.peer = absl::StrCat("ipv4:", from, ":", ntohs(address.sin_port));
    open_.push_back(pair);
    return pair;
  }

  // Whether the service has ended it.
  static bool IsEnded(const Pair& pair) {
    char bytes[256];  // A GOAWAY comes first.
    for (;;) {
      const ssize_t size =
          recv(pair.client, bytes, sizeof(bytes), MSG_DONTWAIT);
      if (size <= 0) return size == 0;
    }
  }

  // The counts of gRPC; zero unless a test sets them.
  struct Streams final : OpenStreams {
    std::vector<Connection> TakeNew() override {
      contract::MutexLock lock(&mu);
      return std::exchange(fresh, {});
    }
    std::optional<OpenStreams::Streams> CountOf(int64_t id) override {
      contract::MutexLock lock(&mu);
      const auto it = counts.find(id);
      if (it == counts.end()) return std::nullopt;
      return it->second;
    }
    void Set(const Pair& pair, int64_t open, int64_t begun = 0) {
      contract::MutexLock lock(&mu);
      if (counts.emplace(pair.server, OpenStreams::Streams()).second) {
        fresh.push_back({pair.server, pair.peer});
      }
      counts[pair.server] = {std::max(open, begun), open};
    }

    contract::Mutex mu;
    std::vector<Connection> fresh ABSL_GUARDED_BY(mu);
    std::map<int64_t, OpenStreams::Streams> counts ABSL_GUARDED_BY(mu);
  };

  service::TimerThread timers_;
  Streams streams_;
  Count refused_{0};

 private:
  const int listening_;
  std::vector<Pair> open_;
};

TEST_F(AConnection, WithoutAnAllowedCallIsClosedForNewcomers) {
  Connections connections(&timers_, {.total_max = 100, .strangers_max = 2},
                          &streams_, &refused_);
  const Pair backend = Open();
  ASSERT_TRUE(connections.Admit(backend.server));
  connections.TrustPeer(backend.peer);
  std::vector<Pair> strangers;
  for (int i = 0; i < 4; ++i) {
    strangers.push_back(Open());
    EXPECT_TRUE(connections.Admit(strangers.back().server));
  }
  EXPECT_FALSE(IsEnded(backend));
  EXPECT_TRUE(IsEnded(strangers[0]));
  EXPECT_TRUE(IsEnded(strangers[1]));
  EXPECT_FALSE(IsEnded(strangers[2]));
  EXPECT_FALSE(IsEnded(strangers[3]));
  EXPECT_EQ(refused_, 2);
}

TEST_F(AConnection, IsClosedIfItsAddressHasTheMost) {
  Connections connections(&timers_, {.total_max = 100, .strangers_max = 3},
                          &streams_, &refused_);
  const Pair polite = Open("127.0.0.2");  // The oldest of all.
  ASSERT_TRUE(connections.Admit(polite.server));
  std::vector<Pair> flood;
  for (int i = 0; i < 4; ++i) {
    flood.push_back(Open("127.0.0.3"));
    EXPECT_TRUE(connections.Admit(flood.back().server));
  }
  EXPECT_FALSE(IsEnded(polite));
  EXPECT_TRUE(IsEnded(flood[0]));
  EXPECT_TRUE(IsEnded(flood[1]));
  EXPECT_FALSE(IsEnded(flood[2]));
}

TEST_F(AConnection, IsEndedWhenItSendsTooMuchWithoutAnAllowedCall) {
  Connections connections(&timers_, {.stranger_bytes_max = 1000}, &streams_,
                          &refused_);
  const Pair backend = Open();
  const Pair stranger = Open();
  const Pair quiet = Open();
  for (const Pair& one : {backend, stranger, quiet}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  connections.TrustPeer(backend.peer);
  const std::string bytes(2000, 'x');
  for (const Pair& one : {backend, stranger}) {
    ASSERT_EQ(send(one.client, bytes.data(), bytes.size(), 0), 2000);
  }
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(stranger); }));
  EXPECT_FALSE(IsEnded(backend));
  EXPECT_FALSE(IsEnded(quiet));
}

TEST_F(AConnection, IsNotEndedForAllowedCallsBetweenChecks) {
  Connections connections(&timers_, {.stranger_bytes_max = 1000}, &streams_,
                          &refused_);
  const Pair backend = Open();
  const Pair stranger = Open();
  for (const Pair& one : {backend, stranger}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  absl::SleepFor(absl::Milliseconds(1500));  // Some looks.
  const std::string bytes(2000, 'x');
  ASSERT_EQ(send(backend.client, bytes.data(), bytes.size(), 0), 2000);
  connections.NoteAllowed(bytes.size());
  absl::SleepFor(absl::Milliseconds(1500));
  // Earlier allowed calls are no excuse.
  ASSERT_EQ(send(stranger.client, bytes.data(), bytes.size(), 0), 2000);
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(stranger); }));
  absl::SleepFor(absl::Milliseconds(600));
  EXPECT_FALSE(IsEnded(backend));
}

TEST_F(AConnection, IsEndedWhenStrangersTogetherSendTooMuch) {
  Connections connections(&timers_, {.strangers_bytes_max = 1500}, &streams_,
                          &refused_);
  const Pair large = Open();
  const Pair small = Open();
  for (const Pair& one : {large, small}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  const std::string bytes(1000, 'x');
  ASSERT_EQ(send(small.client, bytes.data(), 900, 0), 900);
  ASSERT_EQ(send(large.client, bytes.data(), 1000, 0), 1000);
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(large); }));
  EXPECT_FALSE(IsEnded(small));
}

TEST_F(AConnection, ThatHasEndedDoesNotCount) {
  Connections connections(&timers_, {.total_max = 100, .strangers_max = 2},
                          &streams_, &refused_);
  const Pair stays = Open();
  ASSERT_TRUE(connections.Admit(stays.server));
  for (int i = 0; i < 10; ++i) {
    const Pair goes = Open();
    ASSERT_TRUE(connections.Admit(goes.server));
    // As gRPC does; the descriptor is another file's at once.
    dup2(STDERR_FILENO, goes.server);
    absl::SleepFor(absl::Milliseconds(110));  // Looked for ten times a second.
  }
  EXPECT_FALSE(IsEnded(stays));
  EXPECT_EQ(refused_, 0);
}

TEST_F(AConnection, IsRefusedBeyondTheTotalAndBeyondHalfOfItFromOneAddress) {
  Connections connections(&timers_, {.total_max = 4, .strangers_max = 100},
                          &streams_, &refused_);
  EXPECT_TRUE(connections.Admit(Open("127.0.0.2").server));
  EXPECT_TRUE(connections.Admit(Open("127.0.0.2").server));
  EXPECT_FALSE(connections.Admit(Open("127.0.0.2").server));
  EXPECT_TRUE(connections.Admit(Open("127.0.0.3").server));
  EXPECT_TRUE(connections.Admit(Open("127.0.0.4").server));
  EXPECT_FALSE(connections.Admit(Open("127.0.0.5").server));
  EXPECT_EQ(refused_, 2);
}

TEST_F(AConnection, OfAnUnknownPeerVouchesForNone) {
  Connections connections(&timers_, {.total_max = 100, .strangers_max = 1},
                          &streams_, &refused_);
  const Pair first = Open();
  ASSERT_TRUE(connections.Admit(first.server));
  for (const char* peer : {"", "unix:", "ipv4:1.2.3.4", "ipv4:x:1",
                           "ipv6:%5B::1%5D:99999", "ipv6:%5B::1%25lo%5D:1"}) {
    connections.TrustPeer(peer);
  }
  EXPECT_TRUE(connections.Admit(Open().server));
  EXPECT_TRUE(IsEnded(first));
}

// The charge for a call that was refused or needs no token.
constexpr int64_t kCallBytes = 16 << 10;

TEST_F(AConnection, IsEndedForUnreportedStreams) {
  Connections connections(&timers_, {.stranger_streams_max = 10}, &streams_,
                          &refused_);
  const Pair many = Open();
  const Pair few = Open();
  for (const Pair& one : {many, few}) {
    ASSERT_TRUE(connections.Admit(one.server));
    ASSERT_EQ(send(one.client, "headers", 7, 0), 7);
  }
  streams_.Set(few, 4);
  streams_.Set(many, 11);
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(many); }));
  EXPECT_FALSE(IsEnded(few));
  EXPECT_EQ(refused_, 1);
}

TEST_F(AConnection, WithTheMostStreamsIsClosedForAllOthers) {
  Connections connections(&timers_, {.strangers_bytes_max = 10 * kCallBytes},
                          &streams_, &refused_);
  const Pair most = Open();
  const Pair few = Open();
  for (const Pair& one : {most, few}) {
    ASSERT_TRUE(connections.Admit(one.server));
    ASSERT_EQ(send(one.client, "headers", 7, 0), 7);
  }
  streams_.Set(few, 4);
  streams_.Set(most, 7);
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(most); }));
  EXPECT_FALSE(IsEnded(few));
}

// They may end before they have been checked.
TEST_F(AConnection, IsEndedForTheStreamsThatItBegins) {
  Connections connections(&timers_, {}, &streams_, &refused_);
  const Pair rapid = Open();
  const Pair slow = Open();
  for (const Pair& one : {rapid, slow}) {
    ASSERT_TRUE(connections.Admit(one.server));
    ASSERT_EQ(send(one.client, "headers", 7, 0), 7);
  }
  streams_.Set(slow, 0, 5'000);
  streams_.Set(rapid, 0, 20'000);
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(rapid); }));
  EXPECT_FALSE(IsEnded(slow));
}

// Their connections were not watched.
TEST_F(AConnection, IsNotEndedForStreamsOfCallsThatWereAllowed) {
  Connections connections(&timers_, {.stranger_streams_max = 10}, &streams_,
                          &refused_);
  const Pair backend = Open();
  const Pair stranger = Open();
  for (const Pair& one : {backend, stranger}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  absl::SleepFor(absl::Milliseconds(1000));  // Some looks.
  ASSERT_EQ(send(backend.client, "headers", 7, 0), 7);
  for (int i = 0; i < 30; ++i) connections.NoteAllowed(100);
  streams_.Set(backend, 30);
  absl::SleepFor(absl::Milliseconds(1000));
  // Earlier allowed calls are no excuse.
  ASSERT_EQ(send(stranger.client, "headers", 7, 0), 7);
  streams_.Set(stranger, 30);
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(stranger); }));
  EXPECT_FALSE(IsEnded(backend));
}

// Its bytes are not in memory any more.
TEST_F(AConnection, WithoutAStreamHoldsNothing) {
  Connections connections(&timers_, {.stranger_bytes_max = 4 * kCallBytes},
                          &streams_, &refused_);
  const Pair idle = Open();
  const Pair busy = Open();
  for (const Pair& one : {idle, busy}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  streams_.Set(idle, 0);
  streams_.Set(busy, 1);
  const std::string bytes(20'000, 'x');
  for (int i = 0; i < 5; ++i) {
    for (const Pair& one : {idle, busy}) {
      send(one.client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      for (int j = 0; j < 2; ++j) connections.Charge(one.peer);
    }
    absl::SleepFor(absl::Milliseconds(300));  // A look or more.
  }
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(busy); }));
  EXPECT_FALSE(IsEnded(idle));
  EXPECT_EQ(refused_, 1);
}

TEST_F(AConnection, IsEndedAtOnceForTooManyCallsOfWhichNoneWasAllowed) {
  Connections connections(&timers_, {.stranger_bytes_max = 3 * kCallBytes},
                          &streams_, &refused_);
  const Pair stranger = Open();
  const Pair other = Open();  // Of the same address.
  for (const Pair& one : {stranger, other}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  for (int i = 0; i < 3; ++i) {
    connections.Charge(stranger.peer);
    connections.Charge(other.peer);
  }
  EXPECT_FALSE(IsEnded(stranger));
  connections.Charge(stranger.peer);
  // Not at the next look.
  std::string goaway(100, '\0');
  const ssize_t size =
      recv(stranger.client, goaway.data(), goaway.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 17);
  EXPECT_EQ(goaway[3], 7) << "GOAWAY (RFC 9113 section 6.8)";
  EXPECT_EQ(goaway[16], 0xb) << "ENHANCE_YOUR_CALM";
  EXPECT_TRUE(IsEnded(stranger));
  EXPECT_FALSE(IsEnded(other));
  EXPECT_EQ(refused_, 1);
  // It is forgotten, and costs no other one anything.
  connections.Charge(stranger.peer);
  connections.TrustPeer(stranger.peer);
  EXPECT_EQ(refused_, 1);
}

TEST_F(AConnection, WithAnAllowedCallIsChargedForNoOther) {
  Connections connections(&timers_,
                          {.stranger_bytes_max = 3 * kCallBytes,
                           .strangers_bytes_max = 3 * kCallBytes},
                          &streams_, &refused_);
  const Pair early = Open();
  const Pair late = Open();
  for (const Pair& one : {early, late}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  connections.TrustPeer(early.peer);
  // Its earlier charge is forgiven.
  for (int i = 0; i < 3; ++i) connections.Charge(late.peer);
  connections.TrustPeer(late.peer);
  for (int i = 0; i < 100; ++i) {
    connections.Charge(early.peer);
    connections.Charge(late.peer);
  }
  absl::SleepFor(absl::Milliseconds(600));  // Some looks.
  EXPECT_FALSE(IsEnded(early));
  EXPECT_FALSE(IsEnded(late));
  EXPECT_EQ(refused_, 0);
}

TEST_F(AConnection, IsChargedForItsCallsAndItsBytesTogether) {
  Connections connections(&timers_, {.stranger_bytes_max = kCallBytes + 3000},
                          &streams_, &refused_);
  const Pair calls = Open();
  const Pair sends = Open();
  const Pair both = Open();
  for (const Pair& one : {calls, sends, both}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  const std::string bytes(4000, 'x');
  for (const Pair& one : {sends, both}) {
    ASSERT_EQ(send(one.client, bytes.data(), bytes.size(), 0), 4000);
  }
  for (const Pair& one : {calls, both}) connections.Charge(one.peer);
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(both); }));
  EXPECT_FALSE(IsEnded(calls));
  EXPECT_FALSE(IsEnded(sends));
  EXPECT_EQ(refused_, 1);
}

TEST_F(AConnection, WithTheMostCallsIsClosedWhenStrangersTogetherHaveTooMany) {
  Connections connections(&timers_, {.strangers_bytes_max = 5 * kCallBytes},
                          &streams_, &refused_);
  const Pair polite = Open("127.0.0.2");
  const Pair most = Open("127.0.0.3");
  const Pair backend = Open("127.0.0.4");
  for (const Pair& one : {polite, most, backend}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  connections.TrustPeer(backend.peer);
  for (int i = 0; i < 4; ++i) {
    connections.Charge(most.peer);
    connections.Charge(backend.peer);
    if (i % 2 == 0) connections.Charge(polite.peer);
  }
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(most); }));
  // The others have less than that together, though the backend made more
  // calls.
  absl::SleepFor(absl::Milliseconds(600));  // Some looks.
  EXPECT_FALSE(IsEnded(polite));
  EXPECT_FALSE(IsEnded(backend));
  EXPECT_EQ(refused_, 1);
}

TEST_F(AConnection, WithSomeCallsOfWhichNoneWasAllowedHasTenSeconds) {
  Connections connections(&timers_, {}, &streams_, &refused_);
  const Pair large = Open();
  const Pair small = Open();
  for (const Pair& one : {large, small}) {
    ASSERT_TRUE(connections.Admit(one.server));
  }
  const absl::Time began = absl::Now();
  for (int i = 0; i < 5; ++i) connections.Charge(large.peer);
  for (int i = 0; i < 4; ++i) connections.Charge(small.peer);
  EXPECT_TRUE(testing_support::WaitUntil([&] { return IsEnded(large); },
                                         2 * testing_support::kPatience));
  EXPECT_GT(absl::Now() - began, absl::Seconds(10));
  EXPECT_FALSE(IsEnded(small)) << "64 KiB are a health checker's";
}

TEST_F(AConnection, ThatHasEndedIsNotTakenForTheNextOneOfItsDescriptor) {
  Connections connections(&timers_, {.stranger_bytes_max = kCallBytes},
                          &streams_, &refused_);
  const Pair gone = Open();
  ASSERT_TRUE(connections.Admit(gone.server));
  const Pair next = Open();
  // As when gRPC closes the one and accepts the other between two looks.
  dup2(next.server, gone.server);
  for (int i = 0; i < 2; ++i) connections.Charge(gone.peer);
  EXPECT_FALSE(IsEnded(next));
  EXPECT_EQ(refused_, 0);
}

TEST_F(AConnection, OfAnUnknownPeerIsChargedToNone) {
  Connections connections(&timers_, {.stranger_bytes_max = kCallBytes},
                          &streams_, &refused_);
  const Pair first = Open();
  ASSERT_TRUE(connections.Admit(first.server));
  for (const char* peer :
       {"", "unix:", "unix:/a", "ipv4:127.0.0.1", "ipv4:127.0.0.1:1",
        "ipv4:x:1", "ipv6:%5B::1%5D:99999", "ipv6:%5B::1%25lo%5D:1"}) {
    for (int i = 0; i < 2; ++i) connections.Charge(peer);
  }
  EXPECT_FALSE(IsEnded(first));
  EXPECT_EQ(refused_, 0);
}

}  // namespace
}  // namespace herald::rpc
