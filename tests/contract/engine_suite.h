// SPDX-License-Identifier: Apache-2.0
//
// The promises of every engine: those of the ports in service/engine. An
// engine's own test instantiates it with a world that makes it and has it
// answer.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "service/channel/encoding.h"
#include "service/engine/engine.h"
#include "tests/contract/engine_world.h"
#include "tests/contract/recording_listener.h"
#include "tests/service/core/hub_fakes.h"

namespace herald::core {

class AnEngine : public ::testing::TestWithParam<MakeEngineWorld> {
 protected:
  AnEngine() {
    listener_.rules.history_size = 10;
    engine_.SetListener(&listener_);
  }

  // With the channel locked, as a node calls an engine; then it has answered.
  template <typename Body>
  void Locked(const std::string& channel, Body body) {
    listener_.WithChannel(channel, body);
    world_->Settle();
  }
  void Pass(absl::Duration time) {
    timers_.Advance(time);
    world_->Settle();
  }

  void Open(const std::string& channel, const HistoryLimits& limits) {
    absl::Status opened = absl::InternalError("none");
    Locked(channel, [&] {
      engine_.Open(channel, limits, [&](const absl::Status& status) {
        EXPECT_EQ(listener_.locked, channel);
        opened = status;
      });
    });
    EXPECT_TRUE(opened.ok()) << opened;
  }
  void Close(const std::string& name) {
    Locked(name, [&] { engine_.Close(name); });
  }
  // Where the history of an open channel is; `none` without an epoch.
  Position At(const std::string& channel) {
    std::optional<Position> at;
    Locked(channel, [&] { at = engine_.PositionOf(channel); });
    return at.value_or(Position{"none", 0});
  }
  ChannelLog::PublishResult Publish(const std::string& channel,
                                    const std::string& data,
                                    const std::string& key = "",
                                    HistoryLimits history = {}) {
    absl::StatusOr<ChannelLog::PublishResult> receipt =
        absl::InternalError("none");
    bool inside = true;
    Locked(channel, [&] {
      auto publication = std::make_shared<Publication>();
      publication->channel = channel;
      publication->data = data;
      engine_.Publish(publication, {key, history}, [&](auto r) {
        EXPECT_TRUE(inside || listener_.locked.empty());
        receipt = std::move(r);
      });
      inside = false;
    });
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return receipt.value_or(ChannelLog::PublishResult());
  }
  // The publications of the channel since a position, or `lost`.
  static std::vector<std::string> Words(const Missed& missed) {
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
  std::vector<std::string> Since(const std::string& channel,
                                 const std::optional<Position>& since) {
    absl::StatusOr<Missed> missed = absl::InternalError("none");
    Locked(channel, [&] {
      engine_.Since(channel, since, 1000, [&](auto answer) {
        EXPECT_EQ(listener_.locked, channel);
        missed = std::move(answer);
      });
    });
    EXPECT_TRUE(missed.ok()) << missed.status();
    return Words(missed.value_or(Missed()));
  }
  absl::StatusOr<Missed> Fetch(const std::string& channel,
                               const std::optional<Position>& since,
                               size_t count_max = 1000) {
    absl::StatusOr<Missed> missed = absl::InternalError("none");
    engine_.Fetch(channel, since, count_max, [&](auto answer) {
      EXPECT_EQ(listener_.locked, "");
      missed = std::move(answer);
    });
    world_->Settle();
    return missed;
  }

  static v1::Member User(const std::string& id, const std::string& info = "") {
    v1::Member member;
    member.set_user_id(id);
    member.set_user_info(info);
    return member;
  }
  int64_t Attach(uint64_t gateway) {
    int64_t number = 0;
    engine_.Attach(gateway, [&](auto attach) {
      EXPECT_EQ(listener_.locked, "");
      EXPECT_TRUE(attach.ok()) << attach.status();
      number = attach.value_or(0);
    });
    world_->Settle();
    EXPECT_GT(number, 0);
    return attaches_[gateway] = number;
  }
  // Of the gateway's newest link; it attaches if it has none.
  int64_t AttachOf(uint64_t gateway) {
    const auto it = attaches_.find(gateway);
    return it == attaches_.end() ? Attach(gateway) : it->second;
  }
  // As it must be before users are admitted.
  void OpenOnce(const std::string& channel) {
    if (opened_.insert(channel).second) Open(channel, {});
  }
  std::optional<Admission> Admit(const std::string& channel,
                                 AdmissionRequest subscription) {
    OpenOnce(channel);
    std::optional<Admission> admission;
    Locked(channel, [&] {
      engine_.Admit(channel, std::move(subscription), [&](Admission answer) {
        EXPECT_EQ(listener_.locked, channel);
        admission = answer;
      });
    });
    return admission;
  }
  // Adds a subscription of gateway 1 that makes no user present.
  void Subscribe(const std::string& channel) {
    AdmissionRequest subscription;
    subscription.socket = {1, "1.1"};
    subscription.attach = AttachOf(1);
    EXPECT_EQ(Admit(channel, std::move(subscription)), Admission::kAdmitted);
    ++listener_.subscribed[channel];
  }
  std::optional<Admission> TryToJoin(const v1::Member& member, uint64_t gateway,
                                     const std::string& socket) {
    AdmissionRequest subscription;
    subscription.socket = {gateway, socket};
    subscription.attach = AttachOf(gateway);
    subscription.member = member;
    return Admit("presence-room", std::move(subscription));
  }
  void Join(const std::string& user, uint64_t gateway,
            const std::string& socket) {
    EXPECT_EQ(TryToJoin(User(user), gateway, socket), Admission::kAdmitted);
  }
  void Leave(const std::string& user, uint64_t gateway,
             const std::string& socket,
             absl::Duration grace = absl::ZeroDuration()) {
    Locked("presence-room", [&] {
      engine_.Dismiss("presence-room", user, {gateway, socket},
                      AttachOf(gateway), grace);
    });
  }
  absl::Status TryToReplace(uint64_t gateway, int64_t attach,
                            const std::vector<GatewayMember>& members,
                            absl::Duration grace = absl::ZeroDuration()) {
    OpenOnce("presence-room");
    absl::Status replaced = absl::InternalError("none");
    const auto count = static_cast<int64_t>(members.size());
    Locked("presence-room", [&] {
      engine_.Replace("presence-room", gateway, attach, count, members, grace,
                      [&](const absl::Status& status) {
                        EXPECT_EQ(listener_.locked, "presence-room");
                        replaced = status;
                      });
    });
    return replaced;
  }
  void Replace(uint64_t gateway, const std::vector<GatewayMember>& members,
               absl::Duration grace = absl::ZeroDuration()) {
    const absl::Status status =
        TryToReplace(gateway, AttachOf(gateway), members, grace);
    EXPECT_TRUE(status.ok()) << status;
  }
  std::vector<v1::PresentMember> Members() {
    MembersPage page;
    engine_.ListMembers("presence-room", "", {1000, 1 << 30},
                        [&](auto answer) { page = *std::move(answer); });
    world_->Settle();
    return page.members;
  }
  int64_t MemberCount() {
    int64_t count = 0;
    Locked("presence-room",
           [&] { count = engine_.MemberCount("presence-room"); });
    return count;
  }
  auto Received() { return std::exchange(listener_.received, {}); }

  FakeTimers timers_;
  RecordingListener listener_;
  std::unique_ptr<EngineWorld> world_ = GetParam()(&timers_);
  Engine& engine_ = world_->engine();
  std::map<uint64_t, int64_t> attaches_;
  std::set<std::string> opened_;  // By OpenOnce().
};

TEST_P(AnEngine, GivesPublicationsBackInTheirOrder) {
  for (const char* channel : {"a", "b"}) OpenOnce(channel);
  Subscribe("a");
  EXPECT_EQ(Publish("a", "1").subscribers, 1);
  Publish("b", "2");
  Publish("a", "3");
  EXPECT_THAT(Received(), ::testing::ElementsAre("a: 1", "b: 2", "a: 3"));
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_SUITE_H_
