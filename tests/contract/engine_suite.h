// SPDX-License-Identifier: Apache-2.0
//
// What every Engine must do, whatever it is made of: the promises of
// service/core/engine.h. An engine's own test instantiates it with a factory.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "service/core/encoding.h"
#include "service/core/engine.h"
#include "tests/service/core/hub_fakes.h"

namespace herald::core {

// Keeps what it is told, in order: `news: 1`, `+ada`, `-ada`, `ada away for
// 2s`.
class RecordingListener final : public EngineListener {
 public:
  void OnHistoryBegan(absl::string_view channel, const Position& at) override {
    heard.push_back(absl::StrCat(channel, " begins at ", at.offset));
    epoch = at.epoch;
  }
  int64_t OnPublication(const PublicationPtr& publication) override {
    heard.push_back(
        absl::StrCat(publication->channel, ": ", publication->data));
    offset = publication->offset;
    return subscribers;
  }
  void OnMemberAdded(absl::string_view, const v1::Member& member) override {
    heard.push_back("+" + member.user_id());
  }
  void OnMemberRemoved(absl::string_view, absl::string_view user) override {
    heard.push_back(absl::StrCat("-", user));
  }
  void OnMemberAway(absl::string_view, absl::string_view user,
                    absl::Duration grace) override {
    heard.push_back(
        absl::StrCat(user, " away for ", absl::FormatDuration(grace)));
  }

  int64_t subscribers = 3;
  std::string epoch;   // The last that began.
  int64_t offset = 0;  // Of the last publication.
  std::vector<std::string> heard;
};

class AnEngine : public ::testing::TestWithParam<std::unique_ptr<Engine> (*)(
                     const Timers*)> {
 protected:
  AnEngine() { engine_->SetListener(&listener_); }

  Engine::Receipt Publish(const std::string& channel, const std::string& data,
                          const std::string& key = "",
                          HistoryLimits history = {}) {
    auto publication = std::make_shared<Publication>();
    publication->channel = channel;
    publication->data = data;
    absl::StatusOr<Engine::Receipt> receipt = absl::InternalError("none");
    engine_->Publish(publication, {key, history},
                     [&](auto r) { receipt = std::move(r); });
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return receipt.value_or(Engine::Receipt());
  }
  static v1::Member User(const std::string& id, const std::string& info = "") {
    v1::Member member;
    member.set_user_id(id);
    member.set_user_info(info);
    return member;
  }
  void Join(const std::string& user, uint64_t gateway,
            const std::string& socket) {
    engine_->Join("presence-room", User(user), {gateway, socket});
  }
  void Leave(const std::string& user, uint64_t gateway,
             const std::string& socket,
             absl::Duration grace = absl::ZeroDuration()) {
    engine_->Leave("presence-room", user, {gateway, socket}, grace);
  }
  void Replace(uint64_t gateway, const std::vector<GatewayMember>& members,
               absl::Duration grace = absl::ZeroDuration()) {
    engine_->Replace("presence-room", gateway, members, grace);
  }
  // Time passes to the end of a grace that begins now.
  void EndGrace(const std::string& user, absl::Duration grace) {
    timers_.Advance(grace);
    engine_->EndGrace("presence-room", user);
  }
  // What the channel has said since a position, or `lost`.
  std::vector<std::string> Since(const std::string& channel,
                                 const std::optional<Position>& since) {
    const Missed missed = engine_->Since(channel, since, 1000);
    if (!missed.available) return {"lost"};
    std::vector<std::string> said;
    for (const Chunk& chunk : missed.chunks) {
      const std::optional<v1::Event> event = DecodeEvent(chunk);
      EXPECT_TRUE(event.has_value());
      if (!event.has_value()) continue;
      EXPECT_EQ(event->offset(),
                missed.since + 1 + static_cast<int64_t>(said.size()));
      said.push_back(event->data());
    }
    return said;
  }
  std::vector<std::string> Heard() {
    return std::exchange(listener_.heard, {});
  }

  FakeTimers timers_;
  RecordingListener listener_;
  std::unique_ptr<Engine> engine_ = GetParam()(&timers_);
};

TEST_P(AnEngine, GivesPublicationsBackInTheirOrder) {
  EXPECT_EQ(Publish("a", "1").subscribers, 3);
  Publish("b", "2");
  Publish("a", "3");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("a: 1", "b: 2", "a: 3"));
}

TEST_P(AnEngine, AnswersARepeatedKeyWithTheFirstReceipt) {
  EXPECT_FALSE(Publish("a", "1", "k").repeated);
  listener_.subscribers = 9;
  const Engine::Receipt again = Publish("a", "2", "k");
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.subscribers, 3);
  EXPECT_FALSE(Publish("b", "3", "k").repeated);
  EXPECT_THAT(Heard(), ::testing::ElementsAre("a: 1", "b: 3"));
  timers_.Advance(absl::Minutes(6));
  EXPECT_FALSE(Publish("a", "4", "k").repeated);
}

TEST_P(AnEngine, TellsOfTheFirstAndTheLastSocketOfAUser) {
  Join("ada", 1, "1.1");
  Join("ada", 2, "2.1");
  Join("bob", 1, "1.2");
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada", "+bob"));
  Leave("ada", 2, "2.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(engine_->MemberCount("presence-room"), 1);
  EXPECT_EQ(engine_->TotalMemberCount(), 1);
}

TEST_P(AnEngine, EndsAMemberWithTheLastOfASocketsSubscriptions) {
  Join("ada", 1, "1.1");
  Join("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada"));
  const auto members = engine_->Members("presence-room");
  ASSERT_EQ(members.size(), 1u);
  EXPECT_THAT(members[0].socket_ids(), ::testing::ElementsAre("1.1"));
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, ChangesNothingWhenOneLeavesWhoNeverJoined) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.9");
  Leave("eve", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada"));
  Leave("ada", 1, "1.1");
  Leave("ada", 1, "1.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(engine_->TotalMemberCount(), 0);
}

TEST_P(AnEngine, ReplacesAGatewaysMembersWithoutBouncingThoseWhoStay) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Join("bob", 2, "2.1");
  Heard();
  Replace(1, {{User("ada"), {"1.1"}}, {User("cyd"), {"1.3", "1.4"}}});
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+cyd"));
  EXPECT_THAT(engine_->ChannelsOf(1), ::testing::ElementsAre("presence-room"));
  Replace(1, {});
  EXPECT_THAT(Heard(), ::testing::UnorderedElementsAre("-ada", "-cyd"));
  EXPECT_THAT(engine_->ChannelsOf(1), ::testing::IsEmpty());
  EXPECT_EQ(engine_->MemberCount("presence-room"), 1);
}

TEST_P(AnEngine, KeepsWhoHasLeftForATimeOfGrace) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  EXPECT_THAT(Heard(),
              ::testing::ElementsAre("+ada", "+bob", "ada away for 5s"));
  const auto members = engine_->Members("presence-room");
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].user_id(), "ada");
  EXPECT_THAT(members[0].socket_ids(), ::testing::IsEmpty());
  EXPECT_EQ(engine_->TotalMemberCount(), 2);
  EXPECT_THAT(engine_->PresenceChannels(),
              ::testing::ElementsAre("presence-room"));
  EndGrace("ada", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  EXPECT_EQ(engine_->TotalMemberCount(), 1);
  engine_->EndGrace("presence-room", "ada");
  engine_->EndGrace("presence-other", "ada");
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
}

TEST_P(AnEngine, SaysNothingOfWhoReturnsInTime) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  Heard();
  timers_.Advance(absl::Seconds(4));
  Join("ada", 2, "2.1");
  EndGrace("ada", absl::Seconds(1));
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
  EXPECT_EQ(engine_->MemberCount("presence-room"), 1);
  Leave("ada", 2, "2.1");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, AwaitsOneEndOfGraceHoweverOftenAUserComesAndGoes) {
  for (int i = 0; i < 3; ++i) {
    Join("ada", 1, "1.1");
    Leave("ada", 1, "1.1", absl::Seconds(5));
    timers_.Advance(absl::Seconds(1));
  }
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada", "ada away for 5s"));
  // Away for the last time two seconds after the first.
  EndGrace("ada", absl::Seconds(2));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("ada away for 2s"));
  EndGrace("ada", absl::Seconds(2));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
}

TEST_P(AnEngine, EndsAGraceEarlierThatHasBecomeShorter) {
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Hours(1));
  Join("ada", 1, "1.1");
  Leave("ada", 1, "1.1", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada", "ada away for 1h",
                                              "ada away for 5s"));
  EndGrace("ada", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  // The other call comes in vain, whoever is there then.
  Join("ada", 1, "1.1");
  EndGrace("ada", absl::Hours(1));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("+ada"));
}

TEST_P(AnEngine, GivesGraceToThoseWhomAGatewayHasNoMore) {
  Join("ada", 1, "1.1");
  Join("bob", 1, "1.2");
  Leave("bob", 1, "1.2", absl::Seconds(5));
  Heard();
  Replace(1, {}, absl::Seconds(3));
  // Who was away before is not away anew.
  EXPECT_THAT(Heard(), ::testing::ElementsAre("ada away for 3s"));
  EXPECT_THAT(engine_->ChannelsOf(1), ::testing::IsEmpty());
  Replace(2, {{User("ada"), {"2.1"}}});
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
  Replace(2, {});
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada"));
  EndGrace("bob", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-bob"));
}

TEST_P(AnEngine, RemovesAllMembersOfAChannel) {
  Join("ada", 1, "1.1");
  Join("bob", 2, "2.1");
  Join("cyd", 2, "2.2");
  Leave("cyd", 2, "2.2", absl::Seconds(5));
  Heard();
  engine_->RemoveMembers("presence-room");
  engine_->RemoveMembers("presence-other");
  EXPECT_THAT(Heard(), ::testing::ElementsAre("-ada", "-bob", "-cyd"));
  EXPECT_EQ(engine_->TotalMemberCount(), 0);
  EXPECT_THAT(engine_->PresenceChannels(), ::testing::IsEmpty());
  Leave("ada", 1, "1.1");
  EndGrace("cyd", absl::Seconds(5));
  EXPECT_THAT(Heard(), ::testing::IsEmpty());
}

TEST_P(AnEngine, SaysHowManyBytesItsMembersWouldHave) {
  const auto with = [&](const std::string& id, const std::string& info) {
    return engine_->MemberBytesWith("presence-room", User(id, info));
  };
  EXPECT_EQ(with("ada", "12"), 5);
  engine_->Join("presence-room", User("ada", "12"), {1, "1.1"});
  engine_->Join("presence-room", User("ada", "other"), {2, "2.1"});
  EXPECT_EQ(with("bo", "1"), 8);
  EXPECT_EQ(with("ada", "other"), 5) << "the first user_info holds";
  Replace(1, {{User("bo", "1"), {"1.2"}}});
  EXPECT_EQ(with("ada", ""), 8);
  Leave("ada", 2, "2.1");
  EXPECT_EQ(with("bo", ""), 3);
  Leave("bo", 1, "1.2");
  EXPECT_EQ(with("cyd", ""), 3);
}

TEST_P(AnEngine, ListsMembersInOrderWithTheirSockets) {
  engine_->Join("presence-room", User("bob", "2"), {1, "1.2"});
  engine_->Join("presence-room", User("ada", "1"), {1, "1.1"});
  engine_->Join("presence-room", User("ada", "other"), {2, "2.1"});
  const auto members = engine_->Members("presence-room");
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].user_id(), "ada");
  EXPECT_EQ(members[0].user_info(), "1");
  EXPECT_THAT(members[0].socket_ids(), ::testing::ElementsAre("1.1", "2.1"));
  EXPECT_EQ(members[1].user_id(), "bob");
  EXPECT_THAT(engine_->Members("presence-other"), ::testing::IsEmpty());
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_
