// SPDX-License-Identifier: Apache-2.0
//
// Fans an engine's events out to this node's links and Watches, and answers its
// queries about this node.
//
// Threads: see engine_listener.h.

#ifndef HERALD_SERVICE_ENGINE_ENGINE_EVENTS_H_
#define HERALD_SERVICE_ENGINE_ENGINE_EVENTS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "service/channel/channel_table.h"
#include "service/channel/fanout.h"
#include "service/channel/observer.h"
#include "service/channel/readiness.h"
#include "service/engine/engine_listener.h"
#include "service/engine/ports.h"

namespace herald::core {

// Port: a gateway's lease has expired. Called without a lock.
class LeaseListener {
 public:
  virtual ~LeaseListener() = default;
  virtual void OnLeaseEnded(uint64_t gateway, int64_t attach) = 0;
};

class EngineEvents final : public EngineListener {
 public:
  // All outlive the object.
  EngineEvents(const Ports& ports, Fanout* fanout, LeaseListener* leases)
      : table_(ports.table),
        fanout_(fanout),
        observer_(ports.observer),
        readiness_(ports.readiness),
        leases_(leases) {}

  void WithChannel(absl::string_view channel,
                   absl::FunctionRef<void()> body) override {
    const ShardLock lock(table_->ShardOf(channel));
    body();
  }
  void OnHistoryBegan(absl::string_view channel, const Position& position,
                      bool lost) override;
  void OnHistoryEnded(absl::string_view channel, bool lost) override {
    OnHistoryBegan(channel, {}, lost);
  }
  int64_t OnPublication(const PublicationPtr& publication) override {
    return fanout_->Publish(publication);
  }
  void OnMemberAdded(absl::string_view channel,
                     const v1::Member& member) override {
    fanout_->AddMember(channel, member);
  }
  void OnMemberRemoved(absl::string_view channel,
                       absl::string_view user_id) override {
    fanout_->RemoveMember(channel, user_id);
  }
  void OnRosterReplaced(absl::string_view channel,
                        const Position& position) override;
  contract::ChannelSettings RulesOf(absl::string_view channel) override;
  int64_t SubscriberCount(absl::string_view channel) override;
  void ForEachChannel(
      absl::FunctionRef<void(absl::string_view channel)> body) override;
  int64_t channel_count() override { return table_->channel_count(); }
  int64_t subscription_count() override { return table_->subscription_count(); }
  void OnLeaseEnded(uint64_t gateway, int64_t attach) override {
    leases_->OnLeaseEnded(gateway, attach);
  }
  void OnEngineUp(bool up) override {
    readiness_->SetEngineUp(up);
    observer_->OnEngineUp(up);
  }
  void OnKeyEvicted() override { observer_->OnKeyEvicted(); }
  void OnHistoriesEvicted(int64_t channels) override {
    observer_->OnHistoriesEvicted(channels);
  }
  void OnRecordEvicted() override { observer_->OnRevocationForgotten(); }
  void OnDeparturesDelayed(int64_t count) override {
    observer_->OnDeparturesDelayed(count);
  }

 private:
  ChannelTable* const table_;
  Fanout* const fanout_;
  ServiceObserver* const observer_;
  Readiness* const readiness_;
  LeaseListener* const leases_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_ENGINE_EVENTS_H_
