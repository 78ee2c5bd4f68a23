// SPDX-License-Identifier: Apache-2.0
//
// What every client protocol must do, whatever its messages look like:
// dialect.h. A dialect is tested on a real router and loop; its client is a
// DialectUnderTest, which writes its messages and reads them.
//
//   INSTANTIATE_TEST_SUITE_P(Native, ADialect, ::testing::Values(...));

#ifndef HERALD_TESTS_CONTRACT_DIALECT_SUITE_H_
#define HERALD_TESTS_CONTRACT_DIALECT_SUITE_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {

struct DialectUnderTest {
  const Dialect* dialect = nullptr;

  // Texts that a client sends.
  std::function<std::string(const std::string& channel)> subscribe;
  std::function<std::string(const std::string& channel)> unsubscribe;
  std::function<std::string(const std::string& channel,
                            const std::string& json)>
      whisper;
  std::string ping;

  // What a payload means to a client.
  std::function<bool(const std::string& payload, const std::string& channel)>
      is_subscribed;
  std::function<bool(const std::string& payload, const std::string& channel)>
      is_refused;
  // The JSON text of an event's data; nothing for another payload.
  std::function<std::optional<std::string>(const std::string& payload)> data_of;
};

class ADialect : public GatewayWorld,
                 public ::testing::WithParamInterface<DialectUnderTest> {
 protected:
  ADialect() { Attach(); }

  Browser& OpenOne(int shard = 0) {
    Browser& browser = Open(shard, GetParam().dialect);
    browser.Received();
    return browser;
  }
  Browser& Subscriber(const std::string& channel, int shard = 0) {
    Browser& browser = OpenOne(shard);
    Send(browser, GetParam().subscribe(channel));
    Allow();
    browser.Received();
    return browser;
  }
  // The data of the events among the payloads, in their order.
  static std::vector<std::string> DataOf(
      const std::vector<std::string>& payloads) {
    std::vector<std::string> all;
    for (const std::string& payload : payloads) {
      if (auto data = GetParam().data_of(payload)) {
        all.push_back(*std::move(data));
      }
    }
    return all;
  }
  static bool Has(const std::vector<std::string>& payloads,
                  const std::function<bool(const std::string&)>& is_one) {
    for (const std::string& payload : payloads) {
      if (is_one(payload)) return true;
    }
    return false;
  }
  // Whether the bytes are whole text frames of UTF-8.
  static bool AreFrames(const std::string& bytes) {
    FakeSocket socket;
    socket.wire = bytes;
    for (const std::string& payload : socket.Take()) {
      if (!contract::IsUtf8(payload)) return false;
    }
    return socket.wire.empty();
  }
};

inline std::vector<ServerMessage> EveryServerMessage() {
  v1::Member member;
  member.set_user_id("ada");
  member.set_user_info(R"({"n":1})");
  auto members = std::make_shared<Members>();
  members->all.push_back(std::make_shared<const v1::Member>(member));
  v1::Position position;
  position.set_epoch("e");
  position.set_offset(4);
  EventMessage event;
  event.publication.set_channel("news");
  event.publication.set_event("e");
  event.publication.set_data("[1]");
  event.publication.set_offset(5);
  using Code = link::v1::Refused;
  return {ConnectedMessage{"7.2"},
          SubscribedMessage{"presence-a", members, position, true},
          SubscribedMessage{"news", nullptr, std::nullopt, std::nullopt},
          SubscriptionErrorMessage{"private-a", "no", Code::CODE_UNAUTHORIZED},
          UnsubscribedMessage{"news", ""},
          UnsubscribedMessage{"news", "revoked"},
          SignedInMessage{R"({"id":"ada"})"},
          SignInErrorMessage{"no", Code::CODE_UNAUTHORIZED},
          event,
          MemberAddedMessage{"presence-a", member},
          MemberRemovedMessage{"presence-a", "ada"},
          PongMessage(),
          ErrorMessage{ErrorCode::kRateLimited, "slower", "news"}};
}

TEST_P(ADialect, HasANumberBelowTheirMaximum) {
  EXPECT_LT(GetParam().dialect->traits().number, kDialectsMax);
}

TEST_P(ADialect, AppendsWholeFramesOfEveryMessage) {
  for (const ServerMessage& message : EveryServerMessage()) {
    std::string frames = "before";
    GetParam().dialect->Encode(message, &frames);
    ASSERT_EQ(frames.substr(0, 6), "before");
    EXPECT_TRUE(AreFrames(frames.substr(6))) << message.index();
    std::string again;
    GetParam().dialect->Encode(message, &again);
    EXPECT_EQ(again, frames.substr(6)) << "the same for every socket";
  }
}

TEST_P(ADialect, EndsWithAValidCloseFrameForEveryReason) {
  using contract::CloseReason;
  for (int i = 0; i <= static_cast<int>(CloseReason::kUnfinished); ++i) {
    const auto why = static_cast<CloseReason>(i);
    for (const char* text : {"", "a reason"}) {
      const Goodbye goodbye = GetParam().dialect->MakeGoodbye(
          why, text,
          why == CloseReason::kGoingAway
              ? std::optional<absl::Duration>(absl::Seconds(1))
              : std::nullopt);
      // RFC 6455 section 7.4: codes that an endpoint may send.
      EXPECT_GE(goodbye.code, 1000) << i;
      EXPECT_LT(goodbye.code, 5000) << i;
      for (const int reserved : {1004, 1005, 1006, 1015}) {
        EXPECT_NE(goodbye.code, reserved) << i;
      }
      EXPECT_TRUE(contract::IsUtf8(goodbye.text)) << i;
      EXPECT_TRUE(AreFrames(goodbye.frames)) << i;
    }
  }
}

TEST_P(ADialect, TakesAnyTextForAMessage) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("null"),
        std::string(1000, '['), std::string("\0", 1), std::string("\xFF")}) {
    Browser& ada = OpenOne();
    Send(ada, text);
    Send(ada, GetParam().ping);
    EXPECT_FALSE(ada.Received().empty()) << "it is open, and answers";
  }
}

TEST_P(ADialect, IsSubscribedBeforeTheFirstEvent) {
  Browser& ada = OpenOne();
  Send(ada, GetParam().subscribe("news"));
  EXPECT_EQ(Asked().channel(), "news");
  Publish("news", "0");
  EXPECT_TRUE(ada.Received().empty()) << "the answer is not known yet";
  Allow();
  Publish("news", "1");
  const std::vector<std::string> received = ada.Received();
  ASSERT_FALSE(received.empty());
  EXPECT_TRUE(GetParam().is_subscribed(received.front(), "news"));
  EXPECT_THAT(DataOf(received), ::testing::ElementsAre("1"));
  EXPECT_TRUE(GetParam().data_of(received.back()).has_value());
}

TEST_P(ADialect, IsRefusedWithAMessageThatNamesTheChannel) {
  Browser& ada = OpenOne();
  Send(ada, GetParam().subscribe("private-x"));
  Refuse(link::v1::Refused::CODE_UNAUTHORIZED, "not yours");
  EXPECT_TRUE(Has(ada.Received(), [](const std::string& payload) {
    return GetParam().is_refused(payload, "private-x");
  }));
}

TEST_P(ADialect, GetsNoEventBehindItsUnsubscribe) {
  Browser& ada = Subscriber("news");
  Subscriber("news");
  Publish("news", "1");
  Send(ada, GetParam().unsubscribe("news"));
  Publish("news", "2");
  EXPECT_THAT(DataOf(ada.Received()), ::testing::ElementsAre("1"));
}

TEST_P(ADialect, GetsTheDataOfAnEventByteForByte) {
  Browser& ada = Subscriber("news");
  const std::vector<std::string> all = {"1",
                                        "1.50e3",
                                        "[ 1 , 2 ]",
                                        R"("q\u00e9\"\\")",
                                        R"({"a" : null})",
                                        R"("\ud83d")",
                                        "123456789012345678901234567890"};
  for (const std::string& data : all) Publish("news", data);
  EXPECT_THAT(DataOf(ada.Received()), ::testing::ElementsAreArray(all));
}

TEST_P(ADialect, WhispersTheTextThatWasSent) {
  Browser& ada = Subscriber("private-x");
  Send(ada, GetParam().whisper("private-x", R"({"on":true})"));
  const link::v1::Whisper whisper = uplink_->items.back().whisper();
  EXPECT_EQ(whisper.channel(), "private-x");
  EXPECT_EQ(whisper.data(), R"({"on":true})");
  EXPECT_EQ(whisper.socket_id(), ada.id);
}

TEST_P(ADialect, SharesAChannelWithHeraldsOwn) {
  Browser& ada = Subscriber("news");
  Browser& bob = Subscribed(Open(), "news");
  Browser& far = Subscriber("news", 1);
  Publish("news", "1");
  Publish("news", "2", /*except=*/ada.id);
  EXPECT_THAT(DataOf(ada.Received()), ::testing::ElementsAre("1"));
  EXPECT_THAT(DataOf(far.Received()), ::testing::ElementsAre("1", "2"));
  EXPECT_THAT(bob.Received(),
              ::testing::ElementsAre(Event("news", "1"), Event("news", "2")));
}

TEST_P(ADialect, GetsEverythingOfALargeChannelInOrder) {
  std::vector<Browser*> crowd;
  for (size_t i = 0; i < kBulkSubscribers + 5; ++i) {
    crowd.push_back(&Subscriber("news"));
  }
  for (int i = 1; i <= 3; ++i) {
    Publish("news", absl::StrCat(i), /*except=*/i == 2 ? crowd[0]->id : "",
            /*turns=*/1);
  }
  Run();
  EXPECT_THAT(DataOf(crowd[0]->Received()), ::testing::ElementsAre("1", "3"));
  for (size_t i = 1; i < crowd.size(); ++i) {
    EXPECT_THAT(DataOf(crowd[i]->Received()),
                ::testing::ElementsAre("1", "2", "3"));
  }
}

TEST_P(ADialect, AcceptsAPlainRequest) {
  const Acceptance acceptance = GetParam().dialect->Accept({"/ws"});
  EXPECT_TRUE(std::holds_alternative<Accepted>(acceptance));
}

TEST_P(ADialect, RefusesAForeignOrigin) {
  const Acceptance acceptance =
      GetParam().dialect->Accept({"/ws", /*origin_allowed=*/false});
  ASSERT_FALSE(std::holds_alternative<Accepted>(acceptance));
  if (const auto* refused = std::get_if<RefusedInBand>(&acceptance)) {
    EXPECT_TRUE(AreFrames(refused->goodbye.frames));
  }
}

}  // namespace herald::gateway

#endif  // HERALD_TESTS_CONTRACT_DIALECT_SUITE_H_
