// SPDX-License-Identifier: Apache-2.0
//
// An engine of tests: another one that answers inside the call, called later.
// So a service on it meets the conditions of an engine behind a network:
// answers that come when its state has changed, channels that overtake one
// another, and times in which there is no engine.
//
// The calls of one channel stay in their order, and so do those of one gateway;
// all others are done in any order. Reads without a callback (positions,
// rosters) return the delivered state.
//
// Threads: any, as the ports require.

#ifndef HERALD_TESTS_SERVICE_ENGINE_SLOW_ENGINE_H_
#define HERALD_TESTS_SERVICE_ENGINE_SLOW_ENGINE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "proto/contract/mutex.h"
#include "service/engine/engine.h"

namespace herald::core {

class SlowEngine : public Engine {
 public:
  // `inner` calls back before it returns, and outlives the object. `random`
  // chooses whose turn it is; `woken` is called, with a lock of the core or
  // without, when there is something to do.
  SlowEngine(Engine* inner, std::function<uint64_t()> random,
             std::function<void()> woken = nullptr);

  // Does one call that waits. False if there is none that another thread's turn
  // does not hold up. REQUIRES: no lock of the core is held.
  bool Turn() ABSL_LOCKS_EXCLUDED(mu_);
  // Does all open work, and its consequences; waits for the turns of other
  // threads.
  void Settle() ABSL_LOCKS_EXCLUDED(mu_);
  // From now on all calls that may fail are UNAVAILABLE; or no longer. Leases
  // and graces go on ending, as they do where other nodes are alive.
  void SetUp(bool up) { up_ = up; }
  // The same, and the node is notified. REQUIRES: SetListener() was called.
  void SetKnownUp(bool up) {
    SetUp(up);
    listener_->OnEngineUp(up);
  }

  void SetListener(EngineListener* listener) override;
  EngineListener* listener() const { return listener_; }
  // Whether the channel is open, or about to be.
  bool IsOpen(absl::string_view channel) const ABSL_LOCKS_EXCLUDED(mu_);

  void Open(absl::string_view channel, const HistoryLimits& limits,
            OpenDone done) override;
  void Close(absl::string_view channel) override;
  void Publish(std::shared_ptr<Publication> publication,
               const PublishOptions& options, PublishDone done) override;
  std::optional<Position> PositionOf(absl::string_view channel) override;
  void Since(absl::string_view channel, const std::optional<Position>& since,
             size_t count_max, MissedDone done) override;
  void Fetch(absl::string_view channel, const std::optional<Position>& since,
             size_t count_max, MissedDone done) override;
  void Forget(absl::string_view channel) override;
  void ApplyHistoryRules() override;

  std::vector<v1::PresentMember> Members(
      absl::string_view channel) const override {
    return inner_->Members(channel);
  }
  int64_t MemberCount(absl::string_view channel) const override {
    return inner_->MemberCount(channel);
  }
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

  void Describe(absl::string_view channel, Done<ChannelState> done) override;
  void ListMembers(absl::string_view channel, absl::string_view after,
                   const PageSize& size, Done<MembersPage> done) override;
  void ListChannels(absl::string_view prefix, absl::string_view after,
                    size_t count_max, Done<ChannelsPage> done) override;
  void Sum(Done<Totals> done) override;
  EngineCounts Counts() const override { return inner_->Counts(); }

  void SetNodeListener(NodeListener* listener) override {
    inner_->SetNodeListener(listener);
  }
  void ListNodes(NodesDone done) override;
  void FindNode(uint64_t gateway, NodeDone done) override;
  void ToNode(absl::string_view node, std::string bytes) override;
  void ToAll(std::string bytes) override;
  void Record(Chunk item, RecordDone done) override;
  void RecordedWithin(absl::Duration age, RecordsDone done) override;

 private:
  using Body = absl::AnyInvocable<void()>;

  // Has `body` called in its turn: behind all with the same key. OnChannel()
  // has it called with the channel's shard locked.
  void Later(std::string key, Body body) ABSL_LOCKS_EXCLUDED(mu_);
  void Wait(std::string key, std::deque<Body> bodies)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnChannel(absl::string_view channel, Body body);
  // Passes an answer on in a turn of its own, unless the engine is down then.
  template <typename Answer, typename Question>
  void Ask(std::string key,
           absl::AnyInvocable<void(absl::StatusOr<Answer>)> done, Question ask);
  // Whether nothing waits and no other thread has a turn.
  bool Settled() const ABSL_LOCKS_EXCLUDED(mu_);
  void RequireOpen(absl::string_view channel) const;

  Engine* const inner_;
  const std::function<void()> woken_;
  EngineListener* listener_ = nullptr;
  std::atomic<bool> up_{true};

  mutable contract::Mutex mu_;
  std::function<uint64_t()> random_ ABSL_GUARDED_BY(mu_);
  // Calls that wait, by key, without the keys that are running_; and the keys,
  // in any order: a random one has the next turn.
  absl::flat_hash_map<std::string, std::deque<Body>> waiting_
      ABSL_GUARDED_BY(mu_);
  std::vector<std::string> ready_ ABSL_GUARDED_BY(mu_);
  struct Running {
    std::thread::id by;
    std::deque<Body> behind;
  };
  std::map<std::string, Running> running_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> open_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_ENGINE_SLOW_ENGINE_H_
