// SPDX-License-Identifier: Apache-2.0
//
// One node of a cluster in tests: an engine whose log, members and leases are
// in a SharedStore. It has a Mirror of each open channel and answers reads from
// it, as an engine on Redis does.
//
// Threads: one; see shared_store.h.

#ifndef HERALD_TESTS_SERVICE_ENGINE_SHARED_ENGINE_H_
#define HERALD_TESTS_SERVICE_ENGINE_SHARED_ENGINE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/engine/engine.h"
#include "service/engine/node_bus.h"
#include "service/history/mirror.h"
#include "tests/service/engine/mirrored_channels.h"
#include "tests/service/engine/shared_client.h"
#include "tests/service/engine/shared_store.h"

namespace herald::core {

class SharedEngine final : public Engine {
 public:
  // `store` outlives the object and has it as its node of that index.
  SharedEngine(SharedStore* store, int index)
      : client_(store, index), channels_(&client_) {}

  void SetListener(EngineListener* listener) override {
    listener_ = listener;
    channels_.SetListener(listener);
  }

  // ChannelLog.
  void Open(absl::string_view channel, const HistoryLimits& limits,
            OpenDone done) override {
    channels_.Open(channel, limits, std::move(done));
  }
  void Close(absl::string_view channel) override { channels_.Close(channel); }
  void Publish(std::shared_ptr<Publication> publication,
               const PublishOptions& options, PublishDone done) override;
  std::optional<Position> PositionOf(absl::string_view channel) override;
  void Since(absl::string_view channel, const std::optional<Position>& since,
             size_t count_max, MissedDone done) override;
  void Fetch(absl::string_view channel, const std::optional<Position>& since,
             size_t count_max, MissedDone done) override;
  void Forget(absl::string_view channel) override;
  void ApplyHistoryRules() override;

  // Membership.
  std::vector<v1::PresentMember> Members(
      absl::string_view channel) const override;
  int64_t MemberCount(absl::string_view channel) const override;
  void Admit(absl::string_view channel, AdmissionRequest subscription,
             AdmitDone done) override;
  void Dismiss(absl::string_view channel, absl::string_view user_id,
               const SocketRef& socket, int64_t attach,
               absl::Duration grace) override;
  void Replace(absl::string_view channel, uint64_t gateway, int64_t attach,
               int64_t count, std::vector<GatewayMember> members,
               absl::Duration grace, ReplaceDone done) override;
  void Attach(uint64_t gateway, AttachDone done) override;
  void Keep(uint64_t gateway, int64_t attach,
            const std::vector<std::string>& channels) override;
  void Detach(uint64_t gateway, int64_t attach, bool goodbye) override;
  void ApplyPresenceRules() override;

  // Directory. Counts() are those of the store.
  void Describe(absl::string_view channel, Done<ChannelState> done) override;
  void ListMembers(absl::string_view channel, absl::string_view after,
                   const PageSize& size, Done<MembersPage> done) override;
  void ListChannels(absl::string_view prefix, absl::string_view after,
                    size_t count_max, Done<ChannelsPage> done) override;
  void Sum(Done<Totals> done) override;
  EngineCounts Counts() const override { return truth().Counts(); }

  // NodeBus.
  void SetNodeListener(NodeListener* listener) override {
    node_listener_ = listener;
  }
  void ListNodes(NodesDone done) override;
  void FindNode(uint64_t gateway, NodeDone done) override;
  void ToNode(absl::string_view node, std::string bytes) override;
  void ToAll(std::string bytes) override;
  void Record(Chunk item, RecordDone done) override;
  void RecordedWithin(absl::Duration age, RecordsDone done) override;

  // --- For the store

  EngineListener* listener() { return listener_; }
  NodeListener* node_listener() { return node_listener_; }
  MirroredChannels& channels() { return channels_; }
  void OnLeaseEnded(uint64_t gateway, int64_t attach);
  void OnBus(const std::string& from, const std::string& bytes);
  // Everything that was pushed before the store's PushFence() is there.
  void OnFence(int64_t fence);
  // The connection is lost, and with it the pushes on their way; or it is back.
  // A loss that is `noticed` is reported.
  void OnCut(bool noticed);
  void OnConnected();

 private:
  struct Attaching {
    int64_t fence;
    uint64_t gateway;
    int64_t number;
    AttachDone done;
  };

  SharedStore& store() const { return client_.store(); }
  MemoryEngine& truth() const { return store().truth(); }
  void RequireUnlocked() const;

  // Answers the attaches whose fences have arrived, once no mirror is behind.
  void RunAttaches();
  void CatchUp();
  void FailAttaches();

  SharedClient client_;
  MirroredChannels channels_;
  EngineListener* listener_ = nullptr;
  NodeListener* node_listener_ = nullptr;
  int64_t fence_ = 0;                // The last that has arrived.
  std::deque<Attaching> attaching_;  // In the order of their fences.
  bool catching_up_ = false;         // RunAttaches() will be called.
  bool reported_down_ = false;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_ENGINE_SHARED_ENGINE_H_
