// SPDX-License-Identifier: Apache-2.0
//
// Publishing and subscribing: the promises to gateways and backends. Each test
// is one sentence of the promise in gateway_service.proto or
// broadcast_service.proto.

#include "tests/service/core/hub.h"

#include <optional>
#include <thread>

#include "proto/contract/limits.h"
#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Subscribing : public SettledHub {
 protected:
  std::unique_ptr<FakeGateway> gateway_ = Attached(1);
  std::unique_ptr<FakeGateway> other_ = Attached(2);
};

TEST_F(Subscribing, IsAnsweredBeforeTheFirstPublicationItMakesVisible) {
  gateway_->Subscribe(1, "news");
  EXPECT_EQ(Publish("news", "1"), 1);
  EXPECT_THAT(gateway_->Received(), ElementsAre("yes 1", "news: 1"));
  EXPECT_THAT(other_->Received(), IsEmpty());
}

TEST_F(Subscribing, ShowsNothingWhileTheAuthorizerThinks) {
  gateway_->Subscribe(1, "private-x");
  EXPECT_EQ(Publish("private-x", "1"), 0);
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  authorizer_.Allow();
  EXPECT_EQ(Publish("private-x", "2"), 1);
  EXPECT_THAT(gateway_->Received(), ElementsAre("yes 1", "private-x: 2"));
}

TEST_F(Subscribing, AsksNoAuthorizerAboutPublicChannels) {
  gateway_->Subscribe(1, "news");
  EXPECT_THAT(authorizer_.questions, IsEmpty());
}

TEST_F(Subscribing, IsRefusedWithTheReasonOfTheAuthorizer) {
  gateway_->Subscribe(7, "private-x");
  authorizer_.Answer({absl::PermissionDeniedError("not yours"), {}});
  const auto items = gateway_->Items();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(Words(items[0]), "no 7 CODE_UNAUTHORIZED");
  EXPECT_EQ(items[0].refused().reason(), "not yours");
  EXPECT_EQ(Publish("private-x", "1"), 0);
}

TEST_F(Subscribing, FailsClosedWithoutADecision) {
  gateway_->Subscribe(7, "private-x");
  authorizer_.Answer({absl::UnavailableError("no stream"), {}});
  gateway_->Subscribe(8, "private-x");
  authorizer_.Answer({absl::InternalError("odd"), {}});
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("no 7 CODE_UNAVAILABLE", "no 8 CODE_UNAVAILABLE"));
}

TEST_F(Subscribing, CountsAYesThatBreaksTheRulesAsANo) {
  const auto refused = [&](Verdict decision) {
    gateway_->Subscribe(7, "presence-room");
    authorizer_.Answer(std::move(decision));
    const auto items = gateway_->Items();
    EXPECT_EQ(items.size(), 1u);
    EXPECT_EQ(Words(items[0]), "no 7 CODE_UNAUTHORIZED");
    return items[0].refused().reason();
  };
  Verdict yes;
  EXPECT_THAT(refused(yes), HasSubstr("needs a member"));
  yes.member.emplace();
  EXPECT_THAT(refused(yes), HasSubstr("user_id is empty"));
  yes.member->set_user_id("ada");
  yes.member->set_user_info("{");
  EXPECT_THAT(refused(yes), HasSubstr("not JSON"));
  yes.member->set_user_info("\"" + std::string(20'000, 'x') + "\"");
  EXPECT_THAT(refused(yes), HasSubstr("at most 16384"));
  yes.member->clear_user_info();
  yes.expires_after = absl::ZeroDuration();
  EXPECT_THAT(refused(yes), HasSubstr("expired"));
  EXPECT_THAT(Members("presence-room"), IsEmpty());
}

TEST_F(Subscribing, PassesTheLifeOfAGrantOn) {
  gateway_->Subscribe(1, "private-x");
  Verdict yes;
  yes.expires_after = absl::Seconds(90);
  authorizer_.Answer(yes);
  const auto items = gateway_->Items();
  EXPECT_EQ(items.at(0).subscribed().expires_after_ms(), 90'000);
  EXPECT_TRUE(items.at(0).subscribed().renewable());
}

TEST_F(Subscribing, IsAnsweredOnceWhenItIsCancelled) {
  gateway_->Subscribe(1, "private-x");
  gateway_->Cancel(1);
  gateway_->Cancel(1);
  authorizer_.Allow();
  EXPECT_EQ(Publish("private-x", "1"), 0);
  EXPECT_THAT(gateway_->Received(), ElementsAre("no 1 CODE_CANCELLED"));
}

TEST_F(Subscribing, IsOpenUntilTheAuthorizerIsDoneThoughItIsCancelled) {
  gateway_->Subscribe(1, "private-x");
  gateway_->Cancel(1);
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  link::v1::GatewayItem again;
  again.mutable_subscribe()->set_ticket(1);
  again.mutable_subscribe()->set_channel("private-x");
  EXPECT_TRUE(absl::IsInvalidArgument(gateway_->Send(again)));
  authorizer_.Answer({absl::UnavailableError("no answer in time"), {}});
  EXPECT_THAT(gateway_->Received(), ElementsAre("no 1 CODE_CANCELLED"));
}

TEST_F(Subscribing, IsForgottenWhenItIsCancelledAndTheLinkEnds) {
  gateway_->Subscribe(1, "private-x");
  gateway_->Cancel(1);
  gateway_->Lose();
  authorizer_.Allow();
  EXPECT_THAT(gateway_->Received(), IsEmpty());
}

TEST_F(Subscribing, LeavesNothingBehindWhenTheLinkEndsMeanwhile) {
  gateway_->Subscribe(1, "private-x");
  gateway_->Lose();
  authorizer_.Allow();
  EXPECT_EQ(hub_->Counts().channels, 0);
  EXPECT_THAT(gateway_->Received(), IsEmpty());
}

TEST_F(Subscribing, IsRefusedABadName) {
  gateway_->Subscribe(1, "#server");
  EXPECT_THAT(gateway_->Received(), ElementsAre("no 1 CODE_INVALID_CHANNEL"));
}

TEST_F(Subscribing, EndsTheLinkWhenTheGatewayBreaksTheProtocol) {
  EXPECT_TRUE(absl::IsInvalidArgument(gateway_->Unsubscribe(1, "news")));
  link::v1::GatewayItem zero;
  zero.mutable_subscribe()->set_channel("news");
  EXPECT_TRUE(absl::IsInvalidArgument(gateway_->Send(zero)));
  link::v1::GatewayItem hello;
  hello.mutable_hello();
  EXPECT_TRUE(absl::IsFailedPrecondition(gateway_->Send(hello)));
}

TEST_F(Subscribing, TakesNoMemberOfACallThatNoBackendHasOpen) {
  v1::SubscribeRequest request;
  request.set_socket_id("1.3");
  request.set_channel("presence-room");
  request.mutable_member()->set_user_id("ada");
  std::optional<absl::Status> answer;
  hub_->Subscribe(request, [&answer](const absl::Status& s) { answer = s; });
  int64_t call = 0;
  for (const auto& item : gateway_->Items()) call = item.call().call_id();
  const auto subscribe = [&](int64_t ticket, int64_t call_id,
                             const std::string& channel) {
    link::v1::GatewayItem item;
    item.mutable_subscribe()->set_ticket(ticket);
    item.mutable_subscribe()->set_socket_id("1.3");
    item.mutable_subscribe()->set_channel(channel);
    item.mutable_subscribe()->set_call_id(call_id);
    item.mutable_subscribe()->mutable_member()->set_user_id("ada");
    EXPECT_TRUE(gateway_->Send(item).ok()) << "the answer may be late";
    return gateway_->Received();
  };
  EXPECT_THAT(subscribe(1, call + 1, "presence-room"),
              ElementsAre("no 1 CODE_UNAVAILABLE"));
  EXPECT_THAT(subscribe(2, call, "presence-other"),
              ElementsAre("no 2 CODE_UNAVAILABLE"));
  EXPECT_FALSE(answer.has_value());
  EXPECT_THAT(subscribe(3, call, "presence-room"), ElementsAre("yes 3 ada"));
  EXPECT_EQ(answer, absl::OkStatus());

  // Not once more, with another roster.
  ASSERT_TRUE(gateway_->Unsubscribe(3, "presence-room", "ada").ok());
  EXPECT_THAT(subscribe(4, call, "presence-room"),
              ElementsAre("no 4 CODE_UNAVAILABLE"));
  EXPECT_THAT(authorizer_.questions, IsEmpty());
  EXPECT_EQ(hub_->Counts().subscriptions, 0);
}

TEST_F(Subscribing, RenewsWithTheAuthorizersAnswer) {
  const auto renew = [&](Verdict decision) {
    link::v1::GatewayItem item;
    auto& question = *item.mutable_renew()->mutable_subscribe();
    question.set_ticket(1);
    question.set_channel("private-x");
    question.mutable_member()->set_user_id("ada");
    EXPECT_TRUE(gateway_->Send(item).ok());
    authorizer_.Answer(std::move(decision));
    return gateway_->Received();
  };
  Verdict yes;
  yes.member.emplace().set_user_id("ada");
  EXPECT_THAT(renew(yes), ElementsAre("renewed OUTCOME_ALLOWED"));
  yes.member->set_user_id("bob");
  EXPECT_THAT(renew(yes), ElementsAre("renewed OUTCOME_DENIED"));
  EXPECT_THAT(renew({absl::PermissionDeniedError("no"), {}}),
              ElementsAre("renewed OUTCOME_DENIED"));
  EXPECT_THAT(renew({absl::UnavailableError("away"), {}}),
              ElementsAre("renewed OUTCOME_UNDECIDED"));
}

using Publishing = Subscribing;

TEST_F(Publishing, ReachesEveryGatewayThatHasASubscriberOnce) {
  gateway_->Subscribe(1, "news");
  gateway_->Subscribe(2, "news");
  other_->Subscribe(1, "news");
  gateway_->Received();
  other_->Received();
  EXPECT_EQ(Publish("news", "1"), 3);
  EXPECT_THAT(gateway_->Received(), ElementsAre("news: 1"));
  EXPECT_THAT(other_->Received(), ElementsAre("news: 1"));
  ASSERT_TRUE(gateway_->Unsubscribe(1, "news").ok());
  EXPECT_EQ(Publish("news", "2"), 2);
  ASSERT_TRUE(gateway_->Unsubscribe(2, "news").ok());
  ASSERT_TRUE(other_->Unsubscribe(1, "news").ok());
  EXPECT_EQ(Publish("news", "3"), 0);
  EXPECT_EQ(hub_->Counts().channels, 0);
}

TEST_F(Publishing, AnswersOneReceiptForEachChannelInOrder) {
  gateway_->Subscribe(1, "b");
  const auto answer = Broadcast({"a", "b", "c"}, "1");
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->receipts_size(), 3);
  EXPECT_EQ(answer->receipts(0).channel(), "a");
  EXPECT_EQ(answer->receipts(1).channel(), "b");
  EXPECT_EQ(answer->receipts(1).subscribers(), 1);
  EXPECT_EQ(answer->receipts(2).subscribers(), 0);
}

TEST_F(Publishing, CountsAKeyOncePerChannel) {
  gateway_->Subscribe(1, "a");
  gateway_->Subscribe(2, "b");
  gateway_->Received();
  EXPECT_EQ(Publish("a", "1", "k"), 1);
  gateway_->Subscribe(3, "a");
  gateway_->Received();
  EXPECT_EQ(Publish("a", "2", "k"), 1);  // The first receipt.
  ASSERT_TRUE(Broadcast({"a", "b"}, "3", "k").ok());
  EXPECT_THAT(gateway_->Received(), ElementsAre("b: 3"));
}

TEST_F(Publishing, DoesNotUseAKeyUpWhenItIsRefused) {
  gateway_->Subscribe(1, "a");
  gateway_->Received();
  EXPECT_FALSE(Broadcast({"a"}, "not JSON", "k").ok());
  EXPECT_EQ(Publish("a", "1", "k"), 1);
  EXPECT_THAT(gateway_->Received(), ElementsAre("a: 1"));
}

TEST_F(Publishing, ReportsThatItForgetsAKeyBeyondItsBound) {
  for (size_t i = 0; i < kIdempotencyKeysMax; ++i) {
    Publish("a", "1", absl::StrCat(i));
  }
  EXPECT_EQ(observer_.evicted, 0);
  Publish("a", "1", "one more");
  EXPECT_EQ(observer_.evicted, 1);
}

TEST_F(Publishing, PassesAWhisperOnWithItsSender) {
  gateway_->Subscribe(1, "presence-news");
  authorizer_.Allow("ada");
  other_->Subscribe(1, "presence-news");
  authorizer_.Allow("bob");
  gateway_->Received();
  other_->Received();
  link::v1::GatewayItem item;
  item.mutable_whisper()->set_channel("presence-news");
  item.mutable_whisper()->set_event("typing");
  item.mutable_whisper()->set_data("1");
  item.mutable_whisper()->set_socket_id("1.1");
  item.mutable_whisper()->set_user_id("ada");
  ASSERT_TRUE(gateway_->Send(item).ok());
  const auto items = other_->Items();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_TRUE(items[0].publication().whisper());
  EXPECT_EQ(items[0].publication().except_socket_id(), "1.1");
  EXPECT_EQ(items[0].publication().user_id(), "ada");
  EXPECT_THAT(gateway_->Received(), ElementsAre("presence-news: 1"));
}

TEST_F(Publishing, DropsAWhisperThatTheRulesOfItsChannelForbid) {
  gateway_->Subscribe(1, "news");
  gateway_->Subscribe(2, "quiet");
  config::v1::Config config;
  auto& quiet = *config.add_channels();
  quiet.set_pattern("quiet");
  quiet.set_client_events(false);
  auto& small = *config.add_channels();
  small.set_pattern("news");
  small.set_max_payload(3);
  hub_->SetRules(config);
  gateway_->Received();
  const auto whisper = [this](const char* channel, const char* data) {
    link::v1::GatewayItem item;
    item.mutable_whisper()->set_channel(channel);
    item.mutable_whisper()->set_event("typing");
    item.mutable_whisper()->set_data(data);
    item.mutable_whisper()->set_socket_id("1.1");
    return gateway_->Send(item);
  };
  EXPECT_TRUE(whisper("quiet", "1").ok());
  EXPECT_TRUE(whisper("news", "1234").ok());
  EXPECT_TRUE(whisper("news", "123").ok());
  EXPECT_THAT(gateway_->Received(), ElementsAre("news: 123"));
  EXPECT_TRUE(absl::IsInvalidArgument(whisper("news", "{")));
  EXPECT_TRUE(absl::IsInvalidArgument(whisper("other", "1")))
      << "the gateway has no subscription of it";
}

using APresenceChannel = Subscribing;

TEST_F(APresenceChannel, NotifiesTheOthersBeforeTheNewcomerIsAnswered) {
  gateway_->Subscribe(1, "presence-room");
  authorizer_.Allow("ada");
  other_->Subscribe(1, "presence-room");
  authorizer_.Allow("bob");
  gateway_->Subscribe(2, "presence-room");
  authorizer_.Allow("cyd");
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("yes 1 ada", "+bob", "+cyd", "yes 2"));
  EXPECT_THAT(other_->Received(), ElementsAre("yes 1 ada bob", "+cyd"));
}

TEST_F(APresenceChannel, CountsAUserWithSeveralSocketsOnce) {
  gateway_->Subscribe(1, "presence-room");
  authorizer_.Allow("ada");
  other_->Subscribe(1, "presence-room");
  authorizer_.Allow("ada");
  EXPECT_THAT(gateway_->Received(), ElementsAre("yes 1 ada"));
  ASSERT_TRUE(other_->Unsubscribe(1, "presence-room", "ada").ok());
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  other_->Subscribe(2, "presence-room");
  authorizer_.Allow("bob");
  other_->Received();
  ASSERT_TRUE(gateway_->Unsubscribe(1, "presence-room", "ada").ok());
  EXPECT_THAT(other_->Received(), ElementsAre("-ada"));
}

TEST_F(APresenceChannel, IsFullWhenItsMembersHaveTooManyBytes) {
  const std::string info(contract::kUserInfoBytesMax, '1');
  const int64_t count =
      contract::kMembersBytesMax / contract::kUserInfoBytesMax;
  int64_t ticket = 100;
  const auto join = [&](const std::string& user, const std::string& with) {
    gateway_->Subscribe(++ticket, "presence-room");
    Verdict yes;
    yes.member.emplace().set_user_id(user);
    yes.member->set_user_info(with);
    authorizer_.Answer(std::move(yes));
  };
  for (int64_t i = 1; i < count; ++i) join(absl::StrCat("u", i), info);
  gateway_->Received();

  join("one too many", info);
  EXPECT_THAT(gateway_->Received(),
              ElementsAre(absl::StrCat("no ", ticket, " CODE_CHANNEL_FULL")));
  join("u1", info);
  EXPECT_THAT(gateway_->Received(), ElementsAre(absl::StrCat("yes ", ticket)))
      << "another socket of a member makes the roster no longer";
  join("small", "1");
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("+small", absl::StrCat("yes ", ticket)));
}

class ASubscriberLimit : public SettledHub {
 protected:
  ASubscriberLimit() : SettledHub(/*max_subscribers=*/2) {}
};

TEST_F(ASubscriberLimit, IsAChannelsOwn) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "a");
  gateway->Subscribe(2, "a");
  gateway->Subscribe(3, "a");
  gateway->Subscribe(4, "b");
  EXPECT_THAT(gateway->Received(),
              ElementsAre("yes 1", "yes 2", "no 3 CODE_CHANNEL_FULL", "yes 4"));
  ASSERT_TRUE(gateway->Unsubscribe(1, "a").ok());
  gateway->Subscribe(5, "a");
  EXPECT_THAT(gateway->Received(), ElementsAre("yes 5"));
}

class AChannelLimit : public SettledHub {
 protected:
  AChannelLimit() : SettledHub(0, /*max_channels=*/2) {}
};

TEST_F(AChannelLimit, CountsChannelsThatHaveSubscribers) {
  const auto gateway = Attached(1);
  gateway->Subscribe(1, "a");
  gateway->Subscribe(2, "b");
  gateway->Subscribe(3, "c");
  gateway->Subscribe(4, "a");
  EXPECT_THAT(
      gateway->Received(),
      ElementsAre("yes 1", "yes 2", "no 3 CODE_TOO_MANY_CHANNELS", "yes 4"));
  EXPECT_EQ(Publish("d", "1"), 0);  // Publishing makes no channel.
  ASSERT_TRUE(gateway->Unsubscribe(2, "b").ok());
  gateway->Subscribe(5, "c");
  EXPECT_THAT(gateway->Received(), ElementsAre("yes 5"));
}

// The fakes but FakeSink belong to one thread, so this uses public channels.
TEST_F(Publishing, KeepsOneOrderPerChannelBesideOthers) {
  gateway_->Subscribe(1, "order");
  other_->Subscribe(1, "order");
  gateway_->Received();
  other_->Received();
  constexpr int kThreads = 4, kEach = 300;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_EQ(Publish("order", absl::StrCat(t * 1000 + i)), 2);
      }
    });
  }
  std::thread churn([this] {
    for (int64_t i = 10; i < 300; ++i) {
      auto gone = std::make_unique<FakeGateway>(hub_.get(), i);
      gone->Attach();
      gone->Subscribe(1, "other");
      gone->Lose();
    }
  });
  for (std::thread& thread : threads) thread.join();
  churn.join();
  const auto received = gateway_->Received();
  EXPECT_EQ(received.size(), static_cast<size_t>(kThreads * kEach));
  EXPECT_EQ(received, other_->Received());
  EXPECT_EQ(hub_->Counts().channels, 1);
  EXPECT_EQ(hub_->Counts().subscriptions, 2);
}

}  // namespace
}  // namespace herald::core
