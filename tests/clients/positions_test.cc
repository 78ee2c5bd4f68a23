// SPDX-License-Identifier: Apache-2.0
//
// The promises of clients/cpp/positions.h, one by one and then under schedules
// that chance makes: each event once and in order, or a loss.

#include "clients/cpp/positions.h"

#include <deque>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::ChannelPosition At(const std::string& channel, const std::string& epoch,
                       int64_t offset) {
  v1::ChannelPosition place;
  place.set_channel(channel);
  place.set_epoch(epoch);
  place.set_offset(offset);
  return place;
}

v1::Subscribed Subscribed(const std::string& epoch, int64_t offset,
                          std::optional<bool> recovered = std::nullopt) {
  v1::Subscribed subscribed;
  subscribed.set_channel("news");
  subscribed.set_epoch(epoch);
  subscribed.set_offset(offset);
  if (recovered.has_value()) subscribed.set_recovered(*recovered);
  return subscribed;
}

v1::Event Event(int64_t offset) {
  v1::Event event;
  event.set_channel("news");
  event.set_offset(offset);
  return event;
}

// "channel epoch:offset"
std::string Text(const v1::ChannelPosition& place) {
  return place.channel() + " " + place.epoch() + ":" +
         std::to_string(place.offset());
}

class KnowingOnesPlace : public ::testing::Test {
 protected:
  // The request of the next stream.
  std::vector<std::string> Begin() {
    v1::WatchRequest request;
    request.add_since();  // Of the stream before.
    positions_.Begin(&request);
    std::vector<std::string> since;
    for (const auto& place : request.since()) since.push_back(Text(place));
    return since;
  }

  std::vector<std::string> Known() const {
    std::vector<std::string> places;
    for (const auto& place : positions_.Get()) places.push_back(Text(place));
    return places;
  }

  // Listens to "news" at 7 of the epoch "a", on a first stream.
  void Listen() {
    Begin();
    EXPECT_FALSE(positions_.Confirm(Subscribed("a", 7)).has_value());
  }

  Positions positions_;
};

TEST_F(KnowingOnesPlace, AsksForNothingAtFirst) {
  EXPECT_THAT(Begin(), IsEmpty());
  EXPECT_THAT(Known(), IsEmpty());
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 7)).has_value());
  EXPECT_THAT(Known(), ElementsAre("news a:7"));
}

TEST_F(KnowingOnesPlace, FollowsTheEventsAndTakesEachOnce) {
  Listen();
  EXPECT_TRUE(positions_.Take(Event(8)));
  EXPECT_FALSE(positions_.Take(Event(8)));
  EXPECT_TRUE(positions_.Take(Event(11)));
  EXPECT_FALSE(positions_.Take(Event(10)));
  EXPECT_THAT(Begin(), ElementsAre("news a:11"));
}

TEST_F(KnowingOnesPlace, DoesNotCountWhispers) {
  Listen();
  v1::Event whisper = Event(3);
  whisper.set_whisper(true);
  EXPECT_TRUE(positions_.Take(whisper));
  EXPECT_TRUE(positions_.Take(Event(0)));
  EXPECT_THAT(Known(), ElementsAre("news a:7"));
}

TEST_F(KnowingOnesPlace, StaysUntilTheEventsOfARecoveryHaveCome) {
  Listen();
  Begin();
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 9, true)).has_value());
  EXPECT_THAT(Begin(), ElementsAre("news a:7"));
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 9, true)).has_value());
  EXPECT_TRUE(positions_.Take(Event(8)));
  EXPECT_THAT(Begin(), ElementsAre("news a:8"));
}

TEST_F(KnowingOnesPlace, ReportsLossesBetweenTwoStreams) {
  Listen();
  Begin();
  const auto loss = positions_.Confirm(Subscribed("b", 3, false));
  ASSERT_TRUE(loss.has_value());
  EXPECT_EQ(loss->channel, "news");
  EXPECT_EQ(loss->since.epoch(), "a");
  EXPECT_EQ(loss->since.offset(), 7);
  EXPECT_EQ(loss->position.epoch(), "b");
  EXPECT_EQ(loss->position.offset(), 3);
  EXPECT_THAT(Begin(), ElementsAre("news b:3"));
}

TEST_F(KnowingOnesPlace, BelievesARefusalInSpiteOfTheOffsets) {
  Listen();
  Begin();
  EXPECT_TRUE(positions_.Confirm(Subscribed("a", 7, false)).has_value());
}

TEST_F(KnowingOnesPlace, ComparesOffsetsWithoutARecoveredField) {
  Listen();
  Begin();
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 7)).has_value());
  Begin();
  EXPECT_TRUE(positions_.Confirm(Subscribed("a", 8)).has_value());
  EXPECT_THAT(Known(), ElementsAre("news a:8"));
}

TEST_F(KnowingOnesPlace, FollowsAHistoryWithANewEpoch) {
  Listen();
  EXPECT_FALSE(positions_.Confirm(Subscribed("b", 0)).has_value());
  EXPECT_TRUE(positions_.Take(Event(1)));
  EXPECT_TRUE(positions_.Confirm(Subscribed("c", 5, false)).has_value());
  EXPECT_FALSE(positions_.Take(Event(5)));
  EXPECT_TRUE(positions_.Take(Event(6)));
  EXPECT_THAT(Known(), ElementsAre("news c:6"));
}

TEST_F(KnowingOnesPlace, IsNotMovedByAnotherSubscribedOfTheSameLife) {
  Listen();
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 9)).has_value());
  EXPECT_TRUE(positions_.Take(Event(8)));
}

TEST_F(KnowingOnesPlace, LosesWithEachBreakWhereThereIsNoHistory) {
  Begin();
  EXPECT_FALSE(positions_.Confirm(Subscribed("", 0)).has_value());
  EXPECT_TRUE(positions_.Take(Event(3)));
  EXPECT_TRUE(positions_.Take(Event(3)));
  EXPECT_FALSE(positions_.Confirm(Subscribed("", 0)).has_value());
  EXPECT_THAT(Begin(), IsEmpty());
  const auto loss = positions_.Confirm(Subscribed("", 0));
  ASSERT_TRUE(loss.has_value());
  EXPECT_EQ(loss->since.epoch(), "");
  EXPECT_EQ(loss->position.epoch(), "");
}

TEST_F(KnowingOnesPlace, LosesWhenTheHistoryIsTakenAwayOrGivenInABreak) {
  Listen();
  Begin();
  EXPECT_TRUE(positions_.Confirm(Subscribed("", 0, false)).has_value());
  EXPECT_THAT(Known(), IsEmpty());
  Begin();
  EXPECT_TRUE(positions_.Confirm(Subscribed("b", 4)).has_value());
  EXPECT_THAT(Known(), ElementsAre("news b:4"));
}

TEST_F(KnowingOnesPlace, BeginsAtTheGivenPosition) {
  ASSERT_TRUE(
      positions_.Start({At("orders", "a", 1), At("news", "b", 2)}).ok());
  EXPECT_THAT(Known(), ElementsAre("news b:2", "orders a:1"));
  EXPECT_THAT(Begin(), ElementsAre("news b:2", "orders a:1"));
  EXPECT_FALSE(positions_.Confirm(Subscribed("b", 3, true)).has_value());
  EXPECT_FALSE(positions_.Take(Event(2)));
  EXPECT_TRUE(positions_.Take(Event(3)));
}

TEST_F(KnowingOnesPlace, LeavesItToTheServiceToRefuseAnInvalidPosition) {
  ASSERT_TRUE(
      positions_.Start({At("news", "", 3), At("orders", "a", -1)}).ok());
  EXPECT_THAT(Begin(), ElementsAre("news :3", "orders a:-1"));
}

TEST_F(KnowingOnesPlace, RefusesPositionsThatCannotBeSent) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      positions_.Start({At("news", "a", 1), At("news", "a", 2)})));
  EXPECT_TRUE(absl::IsInvalidArgument(positions_.Start({At("x", "\xff", 1)})));
  EXPECT_TRUE(absl::IsInvalidArgument(positions_.Start({At("\xff", "a", 1)})));
}

class WantingTheLatestEvent : public KnowingOnesPlace {
 protected:
  void SetUp() override {
    ASSERT_TRUE(positions_.Start({At("news", "", 0)}).ok());
    EXPECT_THAT(Begin(), ElementsAre("news :0"));
  }
};

TEST_F(WantingTheLatestEvent, AsksForItEachTimeAndTakesItOnce) {
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 7, true)).has_value());
  EXPECT_THAT(Known(), IsEmpty());
  EXPECT_TRUE(positions_.Take(Event(7)));
  EXPECT_THAT(Known(), ElementsAre("news a:7"));
  EXPECT_THAT(Begin(), ElementsAre("news :0"));
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 7, true)).has_value());
  EXPECT_FALSE(positions_.Take(Event(7)));
  Begin();
  EXPECT_FALSE(positions_.Confirm(Subscribed("b", 3, true)).has_value());
  EXPECT_TRUE(positions_.Take(Event(3)));
}

TEST_F(WantingTheLatestEvent, LosesNothingWhereThereIsNone) {
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 0, false)).has_value());
  EXPECT_TRUE(positions_.Take(Event(1)));
  Begin();
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 1, false)).has_value());
}

TEST_F(WantingTheLatestEvent, LosesOneThatIsForgottenAndWasNotReceived) {
  EXPECT_FALSE(positions_.Confirm(Subscribed("a", 0, false)).has_value());
  Begin();
  EXPECT_TRUE(positions_.Confirm(Subscribed("a", 1, false)).has_value());
  Begin();
  EXPECT_TRUE(positions_.Confirm(Subscribed("b", 1, false)).has_value());
}

// A channel with a history of ten events that publishes, forgets everything,
// and loses its listener, at random. Its events wait in `stream_`, as on a
// wire, and are lost with a break.
class Schedule {
 public:
  explicit Schedule(uint32_t seed) : random_(seed) {}

  void Run() {
    Break();
    for (int i = 0; i < 500; ++i) Step();
    while (!stream_.empty()) Deliver();
    Publish();
    Deliver();
    ASSERT_EQ(received_, published_);
  }

  int losses() const { return losses_; }
  int recoveries() const { return recoveries_; }

 private:
  struct Frame {
    v1::Subscribed subscribed = {};
    v1::Event event = {};
  };

  void Step() {
    switch (random_() % 16) {
      case 0:
        return Break();
      case 1:
        return random_() % 4 == 0 ? Forget() : void();
      case 2:
      case 3:
      case 4:
        return Publish();
      default:
        return Deliver();
    }
  }

  void Publish() {
    ++published_;
    stream_.push_back({.event = Event(++offset_)});
    numbers_.push_back(published_);
  }

  // Begins anew; the listener misses the events that are still on their way.
  void Forget() {
    const bool missed = !numbers_.empty();
    epoch_ += "'";
    offset_ = 0;
    first_ = published_ + 1;
    numbers_.clear();
    std::erase_if(stream_,
                  [](const Frame& frame) { return frame.event.offset() > 0; });
    stream_.push_back(
        {.subscribed = Subscribed(
             epoch_, 0, missed ? std::optional(false) : std::nullopt)});
  }

  // The stream breaks, and the next one begins.
  void Break() {
    stream_.clear();
    numbers_.clear();
    v1::WatchRequest request;
    positions_.Begin(&request);
    if (request.since().empty()) {
      received_ = published_;
      stream_.push_back({.subscribed = Subscribed(epoch_, offset_)});
      return;
    }
    const int64_t since = request.since(0).offset();
    const bool recovered = request.since(0).epoch() == epoch_ &&
                           since <= offset_ && offset_ - since <= 10;
    stream_.push_back({.subscribed = Subscribed(epoch_, offset_, recovered)});
    if (!recovered) return;
    for (int64_t offset = since + 1; offset <= offset_; ++offset) {
      stream_.push_back({.event = Event(offset)});
      numbers_.push_back(first_ + offset - 1);
      ++recoveries_;
    }
  }

  // Gives the listener a frame, and now and then an event twice.
  void Deliver() {
    if (stream_.empty()) return;
    const Frame frame = stream_.front();
    stream_.pop_front();
    if (frame.event.offset() == 0) {
      if (positions_.Confirm(frame.subscribed).has_value()) {
        ++losses_;
        lost_ = true;
      }
      return;
    }
    const int64_t number = numbers_.front();
    numbers_.pop_front();
    const bool is_new = positions_.Take(frame.event);
    ASSERT_EQ(is_new, number > received_);
    ASSERT_FALSE(random_() % 4 == 0 && positions_.Take(frame.event));
    if (!is_new) return;
    ASSERT_TRUE(lost_ || number == received_ + 1) << "missed without notice";
    received_ = number;
    lost_ = false;
  }

  std::minstd_rand random_;
  Positions positions_;
  std::deque<Frame> stream_;
  std::deque<int64_t> numbers_;  // Of the events in it, over all epochs.
  std::string epoch_ = "e";
  int64_t offset_ = 0;
  int64_t first_ = 1;  // The number of the event with the offset 1.
  int64_t published_ = 0;
  int64_t received_ = 0;
  bool lost_ = false;
  int losses_ = 0;
  int recoveries_ = 0;
};

TEST(AnySchedule, BringsEachEventOnceAndInOrderOrALoss) {
  int losses = 0;
  int recoveries = 0;
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    Schedule schedule(seed);
    schedule.Run();
    if (::testing::Test::HasFatalFailure()) return;
    losses += schedule.losses();
    recoveries += schedule.recoveries();
  }
  EXPECT_GT(losses, 500);
  EXPECT_GT(recoveries, 500);
}

}  // namespace
}  // namespace herald::client
