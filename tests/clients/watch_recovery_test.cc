// SPDX-License-Identifier: Apache-2.0
//
// The promises of herald/client/watch.h when streams break: it dials again,
// sends its positions, and reports losses.

#include <memory>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "herald/client/watch.h"
#include "tests/clients/fake_broadcast_service.h"

namespace herald::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing_support::FakeBroadcastService;
using testing_support::Gate;
using testing_support::Mailbox;

v1::ServerMessage Subscribed(const std::string& epoch, int64_t offset,
                             std::optional<bool> recovered = std::nullopt) {
  v1::ServerMessage message;
  v1::Subscribed* const subscribed = message.mutable_subscribed();
  subscribed->set_channel("news");
  subscribed->set_epoch(epoch);
  subscribed->set_offset(offset);
  if (recovered.has_value()) subscribed->set_recovered(*recovered);
  return message;
}

v1::ServerMessage Event(int64_t offset) {
  v1::ServerMessage message;
  message.mutable_event()->set_channel("news");
  message.mutable_event()->set_event("said");
  message.mutable_event()->set_offset(offset);
  return message;
}

v1::ChannelPosition At(const std::string& epoch, int64_t offset) {
  v1::ChannelPosition place;
  place.set_channel("news");
  place.set_epoch(epoch);
  place.set_offset(offset);
  return place;
}

std::string Text(const std::string& epoch, int64_t offset) {
  return epoch + ":" + std::to_string(offset);
}

class Recovering : public ::testing::Test {
 protected:
  Recovering() {
    service_.watch_end = {grpc::StatusCode::UNAVAILABLE, "the service stops"};
    service_.watch_stays = true;
  }

  WatchOptions Options() const {
    return {.target = service_.address(), .channels = {"news"}};
  }

  std::unique_ptr<Watch> Start(WatchOptions options) {
    return std::make_unique<Watch>(
        std::move(options),
        [this](const v1::ServerMessage& message) { Note(message); },
        [this](const Loss& loss) {
          received_.Put("lost " +
                        Text(loss.since.epoch(), loss.since.offset()) + " to " +
                        Text(loss.position.epoch(), loss.position.offset()));
        },
        [this](const absl::Status& status) { ends_.Put(status); });
  }

  void Note(const v1::ServerMessage& message) {
    if (message.has_connected()) received_.Put("connected");
    if (message.has_subscribed()) received_.Put("subscribed");
    if (message.has_event())
      received_.Put(std::to_string(message.event().offset()));
  }

  // The request of the next stream.
  std::vector<std::string> TakeSince() {
    std::vector<std::string> since;
    const auto request = service_.watches.Take();
    if (!request.has_value()) return since;
    for (const auto& place : request->since()) {
      since.push_back(place.channel() + " " +
                      Text(place.epoch(), place.offset()));
    }
    return since;
  }

  FakeBroadcastService service_;
  Mailbox<std::string> received_;
  Mailbox<absl::Status> ends_;
};

TEST_F(Recovering, DialsAgainSendsItsPositionAndDeliversEachEventOnce) {
  service_.ScriptWatches({
      {Subscribed("a", 7), Event(8)},
      {Subscribed("a", 9, true), Event(8), Event(9)},
      {Subscribed("a", 9, true), Event(10)},
  });
  const auto watch = Start(Options());

  EXPECT_THAT(received_.Take(9), ElementsAre("connected", "subscribed", "8",  //
                                             "connected", "subscribed", "9",  //
                                             "connected", "subscribed", "10"));
  EXPECT_THAT(TakeSince(), IsEmpty());
  EXPECT_THAT(TakeSince(), ElementsAre("news a:8"));
  EXPECT_THAT(TakeSince(), ElementsAre("news a:9"));
  EXPECT_EQ(ends_.size(), 0u);
}

TEST_F(Recovering, ReportsALossBeforeItsSubscribed) {
  service_.ScriptWatches({
      {Subscribed("a", 7)},
      {Subscribed("b", 2, false), Event(3), Subscribed("c", 5, false)},
  });
  const auto watch = Start(Options());

  EXPECT_THAT(received_.Take(8),
              ElementsAre("connected", "subscribed",                     //
                          "connected", "lost a:7 to b:2", "subscribed",  //
                          "3", "lost b:3 to c:5", "subscribed"));
  EXPECT_THAT(TakeSince(), IsEmpty());
  EXPECT_THAT(TakeSince(), ElementsAre("news a:7"));
  EXPECT_THAT(TakeSince(), ElementsAre("news c:5"));
}

TEST_F(Recovering, ReportsALossAfterEachBreakOfAChannelWithoutHistory) {
  service_.ScriptWatches({{Subscribed("", 0)}, {Subscribed("", 0)}});
  const auto watch = Start(Options());

  EXPECT_THAT(received_.Take(5),
              ElementsAre("connected", "subscribed",  //
                          "connected", "lost :0 to :0", "subscribed"));
}

TEST_F(Recovering, StartsWhereAWatchBeforeItWas) {
  service_.ScriptWatches({{Subscribed("a", 7), Event(8), Event(11)}});
  WatchOptions options = Options();
  options.give_up_after = absl::ZeroDuration();
  auto watch = Start(options);
  EXPECT_TRUE(ends_.Take().has_value());
  EXPECT_THAT(received_.Take(4),
              ElementsAre("connected", "subscribed", "8", "11"));
  EXPECT_THAT(TakeSince(), IsEmpty());
  options.since = watch->positions();

  service_.ScriptWatches({{Subscribed("b", 2, false)}});
  watch = Start(options);

  EXPECT_THAT(received_.Take(3),
              ElementsAre("connected", "lost a:11 to b:2", "subscribed"));
  EXPECT_THAT(TakeSince(), ElementsAre("news a:11"));
}

TEST_F(Recovering, KnowsItsPositionsInACallbackAndAfterTheEnd) {
  service_.ScriptWatches({{Subscribed("a", 7), Event(8)}});
  service_.watch_end = grpc::Status::OK;
  Mailbox<std::string> seen;
  Gate made;
  made.Close();
  std::unique_ptr<Watch> watch;
  watch = std::make_unique<Watch>(
      Options(),
      [&](const v1::ServerMessage& message) {
        made.Pass();
        if (!message.has_event()) return;
        for (const auto& place : watch->positions()) {
          seen.Put(Text(place.epoch(), place.offset()));
        }
      },
      [](const Loss&) {},
      [this](const absl::Status& status) { ends_.Put(status); });
  EXPECT_THAT(watch->positions(), IsEmpty());
  made.Open();

  EXPECT_EQ(ends_.Take(), absl::OkStatus());
  EXPECT_EQ(seen.Take(), "a:8");
  ASSERT_EQ(watch->positions().size(), 1u);
  EXPECT_EQ(watch->positions()[0].channel(), "news");
}

TEST_F(Recovering, AsksForTheLatestEventEachTime) {
  service_.ScriptWatches({
      {Subscribed("a", 7, true), Event(7)},
      {Subscribed("a", 7, true), Event(7)},
      {Subscribed("b", 2, true), Event(2)},
  });
  WatchOptions options = Options();
  options.since = {At("", 0)};
  const auto watch = Start(options);

  EXPECT_THAT(received_.Take(8), ElementsAre("connected", "subscribed", "7",  //
                                             "connected", "subscribed",       //
                                             "connected", "subscribed", "2"));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(TakeSince(), ElementsAre("news :0"));
}

TEST_F(Recovering, StaysOnWhileTheServiceIsRestarted) {
  const auto watch = Start(Options());
  ASSERT_EQ(received_.Take(2).size(), 2u);
  ASSERT_TRUE(service_.watches.Take().has_value());

  service_.Stop();
  service_.Restart();

  EXPECT_THAT(received_.Take(3),
              ElementsAre("connected", "lost :0 to :0", "subscribed"));
  EXPECT_EQ(ends_.size(), 0u);
}

TEST_F(Recovering, WaitsForAServiceThatIsNotThereYet) {
  service_.Stop();
  const auto watch = Start(Options());
  service_.Restart();

  EXPECT_THAT(received_.Take(2), ElementsAre("connected", "subscribed"));
}

class RecoveringFrom : public Recovering,
                       public ::testing::WithParamInterface<grpc::StatusCode> {
};

TEST_P(RecoveringFrom, AnyBreakOfAStream) {
  service_.watch_end = {GetParam(), "broken"};
  service_.ScriptWatches({{Subscribed("a", 7)}});
  const auto watch = Start(Options());

  EXPECT_THAT(received_.Take(3),
              ElementsAre("connected", "subscribed", "connected"));
}

INSTANTIATE_TEST_SUITE_P(EachCode, RecoveringFrom,
                         ::testing::Values(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                           grpc::StatusCode::INTERNAL,
                                           grpc::StatusCode::UNKNOWN,
                                           grpc::StatusCode::CANCELLED));

TEST_F(Recovering, DialsAgainAfterStreamsThatNeverBegan) {
  service_.FailNext(3, {grpc::StatusCode::UNAVAILABLE, "not ready"});
  const auto watch = Start(Options());

  EXPECT_THAT(received_.Take(2), ElementsAre("connected", "subscribed"));
  EXPECT_EQ(service_.authorizations.size(), 4u);
}

TEST_F(Recovering, EndsWhenAskingAgainWouldNotHelp) {
  for (const grpc::StatusCode code :
       {grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::UNAUTHENTICATED,
        grpc::StatusCode::RESOURCE_EXHAUSTED}) {
    service_.FailNext(1, {code, "no"});
    const auto watch = Start(Options());
    const auto end = ends_.Take();
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(static_cast<int>(end->code()), static_cast<int>(code));
    EXPECT_EQ(received_.size(), 0u);
  }
}

TEST_F(Recovering, EndsWhenTheServiceStaysAway) {
  WatchOptions options = Options();
  options.give_up_after = absl::Milliseconds(400);
  service_.ScriptWatches({{Subscribed("a", 7)}});
  const auto watch = Start(options);
  EXPECT_THAT(received_.Take(3),
              ElementsAre("connected", "subscribed", "connected"));

  service_.Stop();

  EXPECT_TRUE(absl::IsUnavailable(*ends_.Take()));
  service_.Restart();
}

TEST_F(Recovering, MayBeCancelledBetweenTwoTries) {
  service_.FailNext(1'000'000, {grpc::StatusCode::UNAVAILABLE, "not ready"});
  auto watch = Start(Options());
  ASSERT_EQ(service_.authorizations.Take(3).size(), 3u);

  watch->Cancel();

  EXPECT_TRUE(ends_.Take().has_value());
  watch.reset();
  EXPECT_EQ(ends_.size(), 0u);
}

TEST_F(Recovering, EndsBetweenTwoTriesBeforeTheDestructorReturns) {
  service_.Stop();
  for (int i = 0; i < 20; ++i) {
    auto watch = Start(Options());
    watch.reset();
    ASSERT_EQ(ends_.size(), 1u);
    EXPECT_TRUE(ends_.Take().has_value());
  }
  service_.Restart();
}

TEST_F(Recovering, MayBeCancelledFromTheCallbackOfALoss) {
  service_.ScriptWatches({{Subscribed("a", 7)}, {Subscribed("b", 2, false)}});
  Gate made;
  made.Close();
  std::unique_ptr<Watch> watch;
  watch = std::make_unique<Watch>(
      Options(), [&](const v1::ServerMessage&) { made.Pass(); },
      [&](const Loss&) { watch->Cancel(); },
      [this](const absl::Status& status) { ends_.Put(status); });
  made.Open();

  EXPECT_TRUE(ends_.Take().has_value());
}

TEST_F(Recovering, RefusesPositionsThatTheWireCannotCarry) {
  WatchOptions options = Options();
  options.since = {At("a", 1), At("b", 2)};
  const auto twice = Start(options);
  EXPECT_TRUE(absl::IsInvalidArgument(*ends_.Take()));
  options.since = {At("\xff", 1)};
  const auto broken = Start(options);
  EXPECT_TRUE(absl::IsInvalidArgument(*ends_.Take()));
  EXPECT_EQ(service_.authorizations.size(), 0u);
}

}  // namespace
}  // namespace herald::client
