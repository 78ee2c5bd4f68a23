// SPDX-License-Identifier: Apache-2.0
//
// Recovery as the hub does it: all that was missed, in order and once, or the
// word that it is lost. The sources are service/link/recoveries.cc and
// service/memory/memory_engine.cc.

#include <limits>
#include <optional>

#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AHubWithHistory : public SettledHub {
 protected:
  AHubWithHistory() { Remember(3); }

  // Gives every channel a history of so many events.
  void Remember(int64_t size) {
    config::v1::Config config;
    config::v1::ChannelRule& rule = *config.add_channels();
    rule.set_pattern("*");
    rule.set_history_size(size);
    rule.mutable_history_ttl()->set_seconds(60);
    hub_->SetRules(config);
  }

  // Others are in use until there is no room for the channel's history.
  void GiveUp(const std::string& channel) {
    for (int i = 0; Peek(channel).has_value(); ++i) {
      ASSERT_LT(i, EngineUnderTest::kHistoryBytes / kHistoryChannelBytes);
      Append(absl::StrCat("other.", i), "1");
    }
  }

  Position Append(const std::string& channel, const std::string& data,
                  const std::string& key = "") {
    const auto answer = Broadcast({channel}, data, key);
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return {};
    return {answer->receipts(0).epoch(), answer->receipts(0).offset()};
  }

  std::shared_ptr<FakeSink> Watching(const std::string& channel,
                                     const std::optional<Position>& since) {
    v1::WatchRequest request;
    request.add_channels(channel);
    if (since.has_value()) {
      auto& position = *request.add_since();
      position.set_channel(channel);
      position.set_epoch(since->epoch);
      position.set_offset(since->offset);
    }
    auto sink = std::make_shared<FakeSink>();
    EXPECT_TRUE(hub_->Watch(request, sink).ok());
    return sink;
  }

  absl::StatusOr<v1::GetHistoryResponse> History(const std::string& channel,
                                                 const Position& since = {},
                                                 int32_t limit = 0) {
    v1::GetHistoryRequest request;
    request.set_channel(channel);
    if (!(since == Position())) *request.mutable_since() = ToProto(since);
    request.set_limit(limit);
    return hub_->GetHistory(request);
  }
};

std::vector<std::string> Data(
    const absl::StatusOr<v1::GetHistoryResponse>& page) {
  std::vector<std::string> data;
  EXPECT_TRUE(page.ok()) << page.status();
  if (!page.ok()) return data;
  for (const v1::Event& event : page->messages()) data.push_back(event.data());
  return data;
}

TEST_F(AHubWithHistory, SendsItsPositionToPublishers) {
  const Position first = Append("news", "1", "key");
  EXPECT_EQ(first.offset, 1);
  EXPECT_EQ(Append("news", "2"), (Position{first.epoch, 2}));
  EXPECT_EQ(Append("news", "3", "key"), first) << "a repeat";
}

TEST_F(AHubWithHistory, SendsThePositionOfAChannelWithTheYes) {
  const Position first = Append("news", "1");
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  Append("news", "2");
  const auto items = gateway->Items();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].subscribed().position().epoch(), first.epoch);
  EXPECT_EQ(items[0].subscribed().position().offset(), 1);
  EXPECT_EQ(items[1].publication().offset(), 2);
}

TEST_F(AHubWithHistory, DoesNotRememberWhispers) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  gateway->Whisper("news", "1", /*socket=*/1);
  EXPECT_EQ(gateway->Items().at(1).publication().offset(), 0);
  EXPECT_EQ(Append("news", "1").offset, 1);
  EXPECT_THAT(Data(History("news")), ElementsAre("1"));
}

TEST_F(AHubWithHistory, GivesAGatewayTheEventsItAsksFor) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  const std::string epoch = Append("news", "1").epoch;
  for (const char* data : {"2", "3", "4"}) Append("news", data);
  gateway->Received();
  EXPECT_TRUE(gateway->Recover("news", {epoch, 2}).ok());
  EXPECT_THAT(gateway->Received(),
              ElementsAre("recovery 2 to 4", "news: 3", "news: 4"));
  EXPECT_TRUE(gateway->Recover("news", {epoch, 4}).ok());
  EXPECT_THAT(gateway->Received(), ElementsAre("recovery 4 to 4"));
  EXPECT_TRUE(gateway->Recover("news", {}).ok());
  EXPECT_THAT(gateway->Received(), ElementsAre("recovery 3 to 4", "news: 4"));
  EXPECT_TRUE(gateway->Recover("news", {epoch, 0}).ok());
  EXPECT_TRUE(gateway->Recover("news", {epoch, 5}).ok());
  EXPECT_TRUE(gateway->Recover("news", {"another", 3}).ok());
  EXPECT_THAT(gateway->Received(),
              ElementsAre("recovery 0 to 0 lost", "recovery 5 to 0 lost",
                          "recovery 3 to 0 lost"));
  EXPECT_EQ(observer_.whole, 3);
  EXPECT_EQ(observer_.lost, 3);
}

TEST_F(AHubWithHistory, AnswersARecoverThatComesBehindTheLastUnsubscribe) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  const Position first = Append("news", "1");
  EXPECT_TRUE(gateway->Unsubscribe(1, "news").ok());
  gateway->Received();
  EXPECT_TRUE(gateway->Recover("news", {first.epoch, 0}).ok());
  EXPECT_TRUE(gateway->Recover("unknown", {}).ok());
  EXPECT_THAT(gateway->Received(),
              ElementsAre("recovery 0 to 0 lost", "recovery 0 to 0 lost"));
}

TEST_F(AHubWithHistory, SendsTheOldestPositionThatAGatewayMayAskFor) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  const std::string epoch = Append("news", "1").epoch;
  for (const char* data : {"2", "3", "4", "5"}) Append("news", data);
  gateway->Received();
  const auto available_since = [&](const Position& since) {
    EXPECT_TRUE(gateway->Recover("news", since).ok());
    return gateway->Items().at(0).recovery().available_since();
  };
  EXPECT_EQ(available_since({epoch, 0}), 2);
  EXPECT_EQ(available_since({epoch, 9}), 2);
  EXPECT_EQ(available_since({"another", 1}), 0);
  EXPECT_EQ(available_since({epoch, 3}), 0) << "all of it follows";
}

TEST_F(AHubWithHistory, SendsAReturningGatewayMissedEventsBeforeNewOnes) {
  auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  const Position first = Append("news", "1");
  gateway->Lose();
  Append("news", "2");
  Append("news", "3");
  FakeGateway back(hub_.get(), 1, /*link_down_ms=*/100);
  back.Hold("news", 1, {}, first);
  back.Attach();
  Append("news", "4");
  EXPECT_THAT(back.Received(), ElementsAre("settings", "news: 2", "news: 3",
                                           "settled", "news: 4"));
}

TEST_F(AHubWithHistory, NotifiesAReturningGatewayOfALoss) {
  auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  const Position first = Append("news", "1");
  gateway->Lose();
  for (const char* data : {"2", "3", "4", "5"}) Append("news", data);
  FakeGateway back(hub_.get(), 1, 100);
  back.Hold("news", 1, {}, first);
  back.Attach();
  EXPECT_THAT(back.Received(),
              ElementsAre("settings", "position 5 lost", "settled"));
}

TEST_F(AHubWithHistory, BeginsANewEpochAfterARestart) {
  FakeGateway old(hub_.get(), 1);
  old.Hold("news", 1, {}, {"before-the-restart", 17});
  old.Attach();
  FakeGateway other(hub_.get(), 2);
  other.Hold("news", 1);
  other.Attach();
  EXPECT_EQ(Append("news", "1").offset, 1);
  EXPECT_THAT(old.Received(),
              ElementsAre("settings", "position 0 lost", "settled", "news: 1"));
  EXPECT_THAT(other.Received(),
              ElementsAre("settings", "position 0 lost", "settled", "news: 1"));
}

TEST_F(AHubWithHistory, NotifiesListenersOfANewEpoch) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  const auto watch = Watching("news", std::nullopt);
  Append("news", "1");
  gateway->Received();
  watch->Messages();
  GiveUp("news");
  Append("news", "2");
  EXPECT_THAT(gateway->Received(), ElementsAre("position 0", "news: 2"));
  const auto messages = watch->Messages();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].subscribed().offset(), 0);
  EXPECT_FALSE(messages[0].subscribed().has_recovered());
  EXPECT_EQ(messages[1].event().offset(), 1);
}

TEST_F(AHubWithHistory, EndsAHistoryWithItsRule) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  Append("news", "1");
  gateway->Received();
  Remember(0);
  EXPECT_THAT(gateway->Received(),
              ::testing::UnorderedElementsAre("position 0", "settings"));
  EXPECT_EQ(Peek("news"), std::nullopt);
  EXPECT_EQ(Append("news", "2"), Position());
  Remember(3);
  gateway->Received();
  EXPECT_EQ(Append("news", "3").offset, 1);
  EXPECT_THAT(gateway->Received(), ElementsAre("position 0", "news: 3"));
}

TEST_F(AHubWithHistory, KeepsNothingOverATimeWithoutARuleOrAListener) {
  const Position before = Append("news", "1");
  Remember(0);
  EXPECT_EQ(Append("news", "2"), Position());
  Remember(3);
  EXPECT_FALSE(
      Watching("news", before)->Messages()[1].subscribed().recovered());
  FakeGateway back(hub_.get(), 1, 100);
  back.Hold("news", 1, {}, before);
  back.Attach();
  EXPECT_THAT(back.Received(),
              ElementsAre("settings", "position 0 lost", "settled"));
  EXPECT_TRUE(back.Recover("news", before).ok());
  EXPECT_THAT(back.Received(), ElementsAre("recovery 1 to 0 lost"));
  EXPECT_EQ(History("news", before).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(AHubWithHistory, NotifiesWatchesWhenARuleEndsAHistory) {
  const auto watch = Watching("news", std::nullopt);
  const auto other = Watching("never-said", std::nullopt);
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "news");
  Append("news", "1");
  gateway->Received();
  watch->Messages();
  other->Messages();
  Remember(0);
  const auto messages = watch->Messages();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_THAT(gateway->Received(),
              ::testing::UnorderedElementsAre("position 0", "settings"))
      << "once";
  EXPECT_EQ(messages[0].subscribed().channel(), "news");
  EXPECT_EQ(messages[0].subscribed().epoch(), "");
  EXPECT_EQ(messages[0].subscribed().offset(), 0);
  EXPECT_EQ(other->Messages().size(), 1u);
  EXPECT_EQ(Histories(), 0);
  Remember(0);
  EXPECT_THAT(watch->Messages(), IsEmpty()) << "notified once";
}

TEST_F(AHubWithHistory, GivesNothingThatItsRuleForbidsBeforeItIsForgotten) {
  // A question between the rule and the forgetting, here in the shard that has
  // its rules first.
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "first");
  const Position first = Append("first", "1");
  Append("first", "2");
  Append("second", "1");
  gateway->Received();
  std::vector<absl::StatusCode> codes;
  std::vector<bool> recovered;
  bool asked = false;
  gateway->OnFlush([&] {
    if (std::exchange(asked, true)) return;
    codes.push_back(History("first", first).status().code());
    recovered.push_back(
        Watching("first", first)->Messages()[1].subscribed().recovered());
    EXPECT_TRUE(gateway->Recover("first", first).ok());
  });
  Remember(0);
  EXPECT_THAT(codes, ElementsAre(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(recovered, ElementsAre(false));
  EXPECT_THAT(gateway->Received(),
              ::testing::UnorderedElementsAre(
                  "position 0", "recovery 1 to 0 lost", "settings"));
  EXPECT_EQ(Peek("second"), std::nullopt);
}

TEST_F(AHubWithHistory, GivesListenersTimeToReturn) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "quiet");
  gateway->Subscribe(2, "said");
  const auto watch = Watching("watched", std::nullopt);
  const Position quiet = *Peek("quiet");
  const Position said = Append("said", "1");
  timers_.Advance(absl::Minutes(10));
  EXPECT_EQ(Histories(), 3);
  EXPECT_TRUE(gateway->Unsubscribe(1, "quiet").ok());
  gateway->Lose();
  v1::WatchRequest request;
  request.add_channels("watched");
  hub_->Unwatch(request, watch);
  timers_.Advance(absl::Seconds(59));
  EXPECT_EQ(Peek("quiet"), quiet);
  EXPECT_EQ(Peek("said"), said);
  EXPECT_NE(Peek("watched"), std::nullopt);
  timers_.Advance(absl::Minutes(2));
  EXPECT_EQ(Histories(), 0);
}

TEST_F(AHubWithHistory, ForgetsIdleChannelsWithoutListeners) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "received");
  const Position received = Append("received", "1");
  Append("empty", "1");
  timers_.Advance(absl::Minutes(3));
  EXPECT_EQ(Histories(), 1);
  EXPECT_EQ(Peek("empty"), std::nullopt);
  EXPECT_EQ(Peek("received"), received);
  EXPECT_THAT(Data(History("received")), IsEmpty());
  EXPECT_TRUE(gateway->Unsubscribe(1, "received").ok());
  timers_.Advance(absl::Minutes(3));
  EXPECT_EQ(Histories(), 0);
}

TEST_F(AHubWithHistory, GivesAWatchMissedEventsBehindItsSubscribed) {
  const std::string epoch = Append("news", "1").epoch;
  Append("news", "2");
  Append("news", "3");
  const auto watch = Watching("news", Position{epoch, 1});
  Append("news", "4");
  const auto messages = watch->Messages();
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_TRUE(messages[0].has_connected());
  EXPECT_EQ(messages[1].subscribed().epoch(), epoch);
  EXPECT_EQ(messages[1].subscribed().offset(), 3);
  EXPECT_TRUE(messages[1].subscribed().recovered());
  for (size_t i = 2; i < 5; ++i) {
    EXPECT_EQ(messages[i].event().data(), absl::StrCat(i));
    EXPECT_EQ(messages[i].event().offset(), static_cast<int64_t>(i));
    EXPECT_EQ(messages[i].event().event(), "e");
  }
}

TEST_F(AHubWithHistory, NotifiesAWatchOfALoss) {
  Append("news", "1");
  const auto watch = Watching("news", Position{"another", 1});
  const auto messages = watch->Messages();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_TRUE(messages[1].subscribed().has_recovered());
  EXPECT_FALSE(messages[1].subscribed().recovered());
  EXPECT_EQ(messages[1].subscribed().offset(), 1);
}

TEST_F(AHubWithHistory, NotifiesAWatchOfAnImpossiblePosition) {
  const std::string epoch = Append("news", "1").epoch;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const Position& since :
       {Position{epoch, 2}, Position{epoch, kMax}, Position{"other", kMax}}) {
    const auto messages = Watching("news", since)->Messages();
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_TRUE(messages[1].subscribed().has_recovered());
    EXPECT_FALSE(messages[1].subscribed().recovered());
    EXPECT_EQ(messages[1].subscribed().offset(), 1);
  }
  EXPECT_EQ(History("news", {epoch, kMax}).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(AHubWithHistory, BoundsThePastOfOneWatch) {
  constexpr int64_t kSize = 10'000;
  Remember(kSize);
  const std::string data = "\"" + std::string(98, 'x') + "\"";
  const int64_t each = [&] {
    Publication publication;
    publication.channel = "c00";
    publication.event = "e";
    publication.data = data;
    publication.offset = kSize / 2;
    publication.published_us = absl::ToUnixMicros(timers_.Now());
    return static_cast<int64_t>(publication.LinkChunk()->size());
  }();
  const int64_t channels = kWatchMissedBytesMax / (each * kSize) + 2;
  v1::WatchRequest request;
  for (int64_t i = 0; i < channels; ++i) {
    const std::string name = absl::StrCat("c", i / 10, i % 10);
    for (int64_t j = 0; j < kSize; ++j) Append(name, data);
    const Position at = *Peek(name);
    request.add_channels(name);
    auto& since = *request.add_since();
    since.set_channel(name);
    since.set_epoch(at.epoch);
  }
  Append("little", "1");  // Fits still.
  request.add_channels("little");
  request.add_since()->set_channel("little");
  const auto sink = std::make_shared<FakeSink>();
  EXPECT_TRUE(hub_->Watch(request, sink).ok());
  int64_t recovered = 0, lost = 0, events = 0;
  for (const v1::ServerMessage& message : sink->Messages()) {
    if (message.has_event()) ++events;
    if (!message.has_subscribed()) continue;
    ++(message.subscribed().recovered() ? recovered : lost);
  }
  EXPECT_GE(lost, 1);
  EXPECT_EQ(recovered + lost, channels + 1);
  EXPECT_EQ(events, (recovered - 1) * kSize + 1) << "all or nothing";
}

TEST_F(AHubWithHistory, RefusesASinceThatMakesNoSense) {
  const auto watch = [&](const std::string& channel, int64_t offset,
                         int times) {
    v1::WatchRequest request;
    request.add_channels("news");
    for (int i = 0; i < times; ++i) {
      request.add_since()->set_channel(channel);
      request.mutable_since(i)->set_offset(offset);
    }
    return std::string(
        hub_->Watch(request, std::make_shared<FakeSink>()).message());
  };
  EXPECT_THAT(watch("other", 0, 1), HasSubstr("not in channels"));
  EXPECT_THAT(watch("news", -1, 1), HasSubstr("-1"));
  EXPECT_THAT(watch("news", 0, 2), HasSubstr("twice"));
  EXPECT_THAT(watch("news", 7, 1), HasSubstr("has offset 7 and no epoch"));
  EXPECT_EQ(hub_->Counts().watches, 0);
}

TEST_F(AHubWithHistory, IsReadInPages) {
  const std::string epoch = Append("news", "1").epoch;
  for (const char* data : {"2", "3", "4"}) Append("news", data);
  const auto first = History("news", {}, 2);
  EXPECT_THAT(Data(first), ElementsAre("2", "3"));
  EXPECT_EQ(first->epoch(), epoch);
  EXPECT_EQ(first->offset(), 4);
  EXPECT_EQ(first->messages(1).offset(), 3);
  EXPECT_THAT(Data(History("news", {epoch, 3}, 2)), ElementsAre("4"));
  EXPECT_THAT(Data(History("news", {epoch, 4})), IsEmpty());
  EXPECT_THAT(Data(History("nobody-spoke")), IsEmpty());
}

TEST_F(AHubWithHistory, ReportsPreciselyWhichEventsAreMissing) {
  const std::string epoch = Append("news", "1").epoch;
  for (const char* data : {"2", "3", "4"}) Append("news", data);
  const auto why = [&](const Position& since) {
    const absl::Status status = History("news", since).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    return std::string(status.message());
  };
  EXPECT_THAT(why({epoch, 0}), HasSubstr("not kept any more"));
  EXPECT_THAT(why({epoch, 5}), HasSubstr("not published yet"));
  EXPECT_THAT(why({"x", 1}), HasSubstr("\"x\" is over"));
  const auto code = [&](const std::string& channel, const Position& since,
                        int32_t limit) {
    return History(channel, since, limit).status().code();
  };
  EXPECT_EQ(code("news", {epoch, -1}, 0), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("news", {}, -1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("no name", {}, 0), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("news", {"", 3}, 0), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(History("news", {"", 3}).status().message()),
              HasSubstr("since has offset 3 and no epoch"));
}

TEST_F(AHubWithHistory, DoesNotTurnAPageIntoANewEpoch) {
  for (const char* data : {"1", "2", "3"}) Append("news", data);
  const auto page = History("news", {}, 1);
  ASSERT_TRUE(page.ok());
  GiveUp("news");
  for (const char* data : {"1", "2", "3"}) Append("news", data);
  const auto next =
      History("news", {page->epoch(), page->messages(0).offset()}, 1);
  EXPECT_EQ(next.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(next.status().message()), HasSubstr("is over"));
}

}  // namespace
}  // namespace herald::core
