// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/attendance.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

const Attendance::Key kAda{"lounge", "ada"};

// The grace is 4 s; a client may notice 1.5 s late that it is gone.
class AnAttendance : public ::testing::Test {
 protected:
  static Attendance::Time At(int seconds) {
    return Attendance::Time() + Milliseconds(1'000) * (1'000 + seconds);
  }
  void Arrive(const std::string& socket, size_t gateway, int seconds) {
    attendance_.Arrive(kAda, socket, gateway, attendance_.Doubts(gateway),
                       At(seconds));
  }
  void Leave(const std::string& socket, int seconds) {
    attendance_.Leave(kAda, socket, At(seconds));
  }
  bool MustBePresent(int seconds) {
    return attendance_.MustBePresent(kAda, At(seconds));
  }

  Attendance attendance_{Milliseconds(4'000)};
};

TEST_F(AnAttendance, IsEmptyAtFirst) { EXPECT_FALSE(MustBePresent(0)); }

TEST_F(AnAttendance, GivesTheNewsItsTime) {
  Arrive("1.1", 0, 0);
  EXPECT_FALSE(MustBePresent(21));
  EXPECT_TRUE(MustBePresent(22));
}

TEST_F(AnAttendance, KeepsAUserThatIsAwayForLessThanTheGrace) {
  Arrive("1.1", 0, 0);
  Leave("1.1", 30);
  EXPECT_TRUE(MustBePresent(32));
  Arrive("2.7", 1, 32);
  EXPECT_TRUE(MustBePresent(33));
  EXPECT_TRUE(MustBePresent(60));
}

TEST_F(AnAttendance, RemovesAUserThatIsAwayForLonger) {
  Arrive("1.1", 0, 0);
  Leave("1.1", 30);
  EXPECT_FALSE(MustBePresent(33));
  Arrive("2.7", 1, 34);
  EXPECT_FALSE(MustBePresent(55));
  EXPECT_TRUE(MustBePresent(56));
}

TEST_F(AnAttendance, CountsSockets) {
  Arrive("1.1", 0, 0);
  Arrive("1.2", 0, 1);
  Leave("1.1", 20);
  EXPECT_TRUE(MustBePresent(40));
  Leave("1.1", 41);
  EXPECT_TRUE(MustBePresent(50));
}

TEST_F(AnAttendance, DoubtsTheMembersOfAGateway) {
  Arrive("1.1", 0, 0);
  attendance_.Doubt(1, At(30));
  EXPECT_TRUE(MustBePresent(40));
  attendance_.Doubt(0, At(40));
  EXPECT_TRUE(MustBePresent(42));
  EXPECT_FALSE(MustBePresent(43));
}

TEST_F(AnAttendance, DoubtsEverythingWithTheService) {
  Arrive("1.1", 0, 0);
  EXPECT_TRUE(MustBePresent(30));
  attendance_.DoubtAll(At(30));
  EXPECT_FALSE(MustBePresent(30)) << "it keeps no grace from before its end";
}

TEST_F(AnAttendance, DoesNotHoldOnToAGraceBeyondTheService) {
  Arrive("1.1", 0, 0);
  attendance_.Doubt(0, At(30));
  EXPECT_TRUE(MustBePresent(31));
  attendance_.DoubtAll(At(31));
  EXPECT_FALSE(MustBePresent(31));
}

TEST_F(AnAttendance, KnowsMessagesThatListenersMustNotReceive) {
  const Channel lounge{.name = "lounge", .grace = Milliseconds(4'000)};
  const Channel hall{.name = "hall", .grace = Milliseconds(4'000)};
  Frame removed;
  removed.kind = Frame::Kind::kMemberRemoved;
  removed.users = {"ada"};
  Frame roster;
  roster.kind = Frame::Kind::kSubscribed;
  roster.users = {"bob"};
  Arrive("1.1", 0, 0);
  const auto check = [&](const Channel& channel, const Frame& frame, int at) {
    attendance_.CheckNews(channel, frame, "bob", At(at));
  };
  EXPECT_NO_THROW(check(lounge, removed, 10));
  EXPECT_NO_THROW(check(lounge, roster, 10));
  EXPECT_THROW(check(lounge, removed, 25), Failure);
  EXPECT_THROW(check(lounge, roster, 25), Failure);
  EXPECT_NO_THROW(check(hall, removed, 25));
  EXPECT_NO_THROW(check(hall, roster, 25));
  EXPECT_NO_THROW(check({.name = "lounge"}, removed, 25));
  roster.users = {"bob", "ada"};
  EXPECT_NO_THROW(check(lounge, roster, 25));
}

TEST_F(AnAttendance, DoesNotCountASocketThatAskedBeforeADoubt) {
  const int64_t doubts = attendance_.Doubts(0);
  attendance_.Doubt(0, At(1));
  attendance_.Arrive(kAda, "1.1", 0, doubts, At(2));
  EXPECT_FALSE(MustBePresent(60));
}

}  // namespace
}  // namespace herald::chaos
