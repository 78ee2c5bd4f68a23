// SPDX-License-Identifier: Apache-2.0
//
// What every Engine must do, whatever it is made of: the promises of
// service/engine/engine.h. An engine's own test instantiates it with a factory.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "service/channel/encoding.h"
#include "service/engine/engine.h"
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
  void OnHistoriesEvicted(int64_t channels) override { evicted += channels; }

  int64_t subscribers = 3;
  std::string epoch;   // The last that began.
  int64_t offset = 0;  // Of the last publication.
  int64_t evicted = 0;
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

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_
