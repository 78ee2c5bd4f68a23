// SPDX-License-Identifier: Apache-2.0
//
// The promises of every client protocol on channels: the order of answers and
// events, the data of events, whispers, and channels that several protocols
// share. Part of the suite in dialect_suite.h.

#ifndef HERALD_TESTS_CONTRACT_DIALECT_CHANNEL_SUITE_H_
#define HERALD_TESTS_CONTRACT_DIALECT_CHANNEL_SUITE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/contract/dialect_suite.h"

namespace herald::gateway {

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

}  // namespace herald::gateway

#endif  // HERALD_TESTS_CONTRACT_DIALECT_CHANNEL_SUITE_H_
