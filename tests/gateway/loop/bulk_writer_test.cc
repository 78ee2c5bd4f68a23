// SPDX-License-Identifier: Apache-2.0
//
// Large channels: a turn writes to a few subscribers. Each receives every event
// once and in order, while other subscribers join and leave.

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class ALargeChannel : public GatewayWorld {
 protected:
  ALargeChannel() { Attach(); }

  // Browsers on `news`, so many that a turn visits a part of them.
  std::vector<Browser*> Crowd(size_t count = kBulkSubscribers + 5) {
    std::vector<Browser*> crowd;
    for (size_t i = 0; i < count; ++i)
      crowd.push_back(&Subscribed(Open(), "news"));
    return crowd;
  }

  // Publishes `texts` in one frame of the link.
  void PublishAtOnce(const std::vector<std::string>& texts, int turns) {
    link::v1::AttachResponse frame;
    for (const std::string& text : texts) {
      auto& event = *frame.add_items()->mutable_publication();
      event.set_channel("news");
      event.set_event("e");
      event.set_data(text);
    }
    ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
    Run(turns);
  }
};

TEST_F(ALargeChannel, IsWrittenAFewSocketsATurn) {
  const auto crowd = Crowd();
  Browser& other = Subscribed(Open(), "other");
  Publish("news", "1", /*except=*/"", /*turns=*/1);
  EXPECT_THAT(crowd.front()->Received(), ElementsAre(Event("news", "1")));
  EXPECT_THAT(crowd.back()->Received(), IsEmpty());

  // An event of a small channel does not wait for the rest.
  Publish("other", "2", "", /*turns=*/1);
  EXPECT_THAT(other.Received(), ElementsAre(Event("other", "2")));
}

TEST_F(ALargeChannel, WritesNewEventsTogetherWithPendingOnes) {
  const auto crowd = Crowd();
  Publish("news", "1", "", /*turns=*/1);
  const int before = crowd.back()->socket.writes;
  Publish("news", "2");
  EXPECT_THAT(crowd.back()->Received(),
              ElementsAre(Event("news", "1"), Event("news", "2")));
  EXPECT_EQ(crowd.back()->socket.writes, before + 1);
  EXPECT_THAT(crowd.front()->Received(),
              ElementsAre(Event("news", "1"), Event("news", "2")));
}

TEST_F(ALargeChannel, RestsAfterAPassThatBroughtSeveralEvents) {
  const auto crowd = Crowd();
  PublishAtOnce({"1", "2"}, /*turns=*/3);
  EXPECT_THAT(crowd.back()->Received(), SizeIs(2));
  crowd.front()->Received();
  Publish("news", "3", "", /*turns=*/3);
  Publish("news", "4", "", /*turns=*/3);
  EXPECT_THAT(crowd.front()->Received(), IsEmpty());
  const int before = crowd.front()->socket.writes;
  Run();
  EXPECT_THAT(crowd.front()->Received(),
              ElementsAre(Event("news", "3"), Event("news", "4")));
  EXPECT_EQ(crowd.front()->socket.writes, before + 1);
}

TEST_F(ALargeChannel, DoesNotRestAfterSingleEvents) {
  const auto crowd = Crowd();
  for (const char* const text : {"1", "2", "3"}) {
    Publish("news", text, "", /*turns=*/3);
    EXPECT_THAT(crowd.front()->Received(), ElementsAre(Event("news", text)));
  }
}

TEST_F(ALargeChannel, ExceptsTheSenderOnly) {
  const auto crowd = Crowd();
  Publish("news", "1", crowd.back()->id, /*turns=*/1);
  Publish("news", "2");
  EXPECT_THAT(crowd.back()->Received(), ElementsAre(Event("news", "2")));
  EXPECT_THAT(crowd.front()->Received(),
              ElementsAre(Event("news", "1"), Event("news", "2")));
}

TEST_F(ALargeChannel, DeliversEverythingBeforeUnsubscribed) {
  const auto crowd = Crowd();
  Publish("news", "1", "", /*turns=*/1);
  Send(*crowd.back(), R"({"type":"unsubscribe","channel":"news"})");
  EXPECT_THAT(crowd.back()->Received(),
              ElementsAre(Event("news", "1"),
                          R"({"type":"unsubscribed","channel":"news"})"));
}

TEST_F(ALargeChannel, DeliversEverythingBeforeItsSocketsClose) {
  const auto crowd = Crowd();
  Publish("news", "1", "", /*turns=*/1);
  CloseSome(crowd.back()->shard, 1000);
  EXPECT_THAT(crowd.back()->Received(), ElementsAre(Event("news", "1")));
}

TEST_F(ALargeChannel, ClosesASlowSocketOnly) {
  const auto crowd = Crowd();
  crowd.back()->socket.full = true;
  Publish("news", "1");
  EXPECT_THAT(
      crowd.back()->socket.closed,
      ElementsAre(Pair(CloseReason::kSlow, "messages were not read in time")));
  EXPECT_THAT(crowd.front()->Received(), ElementsAre(Event("news", "1")));
}

TEST_F(ALargeChannel, IsWrittenToAllWhenItsBacklogIsLarge) {
  const auto crowd = Crowd();
  const std::string text = "\"" + std::string(60'000, 'x') + "\"";
  for (int i = 0; i < 5; ++i) Publish("news", text, "", /*turns=*/0);
  EXPECT_THAT(crowd.back()->Received(), SizeIs(4));
  Run();
  EXPECT_THAT(crowd.back()->Received(), SizeIs(1));
  EXPECT_THAT(crowd.front()->Received(), SizeIs(5));
}

TEST_F(ALargeChannel, MarksDroppableEventsAsASmallOneDoes) {
  Say(DropToLatest("news"));
  Browser& slow = Subscribed(Open(), "news");
  slow.Received();
  Publish("news", "1");
  EXPECT_EQ(slow.socket.droppable, 1);
  for (size_t i = 0; i < kBulkSubscribers + 5; ++i) Subscribed(Open(), "news");
  slow.socket.room = 0;  // The kernel takes nothing, so it has to wait.
  Publish("news", "2");
  EXPECT_EQ(slow.socket.droppable, 2);
  EXPECT_THAT(slow.Received(),
              ElementsAre(Event("news", "1"), Event("news", "2")));
}

// Browsers come, go, and take a few bytes at a time or none, while the channel
// speaks and turns pass.
TEST_F(ALargeChannel, DeliversEverythingOnceAndInOrder) {
  std::mt19937 random(20261125);
  std::map<Browser*, std::vector<std::string>> expected;
  for (Browser* const browser : Crowd()) expected[browser];
  const auto pick = [&] {
    return std::next(expected.begin(),
                     static_cast<long>(random() % expected.size()))
        ->first;
  };
  for (int step = 0; step < 3000; ++step) {
    switch (random() % 8) {
      case 0:
        expected[&Subscribed(Open(), "news")];
        break;
      case 1: {
        Browser* const leaver = pick();
        const auto heard = expected.extract(leaver).mapped();
        const bool leaves = random() % 2 == 0;
        if (leaves) {
          Leave(*leaver);
          EXPECT_LE(leaver->Received().size(), heard.size());
        } else {
          Send(*leaver, R"({"type":"unsubscribe","channel":"news"})");
          auto said = leaver->Received();
          said.pop_back();
          EXPECT_EQ(said, heard);
        }
        break;
      }
      case 2:
        pick()->socket.room = random() % 200;
        break;
      case 3:
        pick()->socket.room = 1 << 30;
        break;
      case 4:
        Run(static_cast<int>(random() % 3));
        break;
      default: {
        Browser* const sender = random() % 4 == 0 ? pick() : nullptr;
        const std::string text = std::to_string(step);
        for (auto& [browser, texts] : expected) {
          if (browser != sender) texts.push_back(Event("news", text));
        }
        Publish("news", text, sender == nullptr ? "" : sender->id, /*turns=*/
                static_cast<int>(random() % 2));
      }
    }
  }
  Run();
  for (const auto& [browser, texts] : expected) {
    EXPECT_EQ(browser->Received(), texts);
  }
}

}  // namespace
}  // namespace herald::gateway
