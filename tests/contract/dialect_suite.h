// SPDX-License-Identifier: Apache-2.0
//
// The promises of dialect.h that every client protocol keeps, independent of
// the form of its messages. A dialect is tested on a real router and loop; its
// client is a DialectUnderTest, which writes its messages and reads them.
//
// Here: upgrades, messages and close frames. dialect_channel_suite.h:
// subscriptions and events. Include both:
//
//   INSTANTIATE_TEST_SUITE_P(Native, ADialect, ::testing::Values(...));

#ifndef HERALD_TESTS_CONTRACT_DIALECT_SUITE_H_
#define HERALD_TESTS_CONTRACT_DIALECT_SUITE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

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

  // The meaning of a payload to a client.
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
