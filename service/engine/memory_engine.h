// SPDX-License-Identifier: Apache-2.0
//
// The engine of a single service: everything in this process's memory. It calls
// its listener before it returns.
//
// Threads: as engine.h says. Its own lock is never held while it calls the
// listener, and the calls of one channel do not overlap; so the order that the
// listener sees is the order in which the engine was called.

#ifndef HERALD_SERVICE_ENGINE_MEMORY_ENGINE_H_
#define HERALD_SERVICE_ENGINE_MEMORY_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "proto/contract/mutex.h"
#include "service/channel/timers.h"
#include "service/engine/engine.h"
#include "service/engine/history.h"
#include "service/engine/idempotency_cache.h"
#include "service/engine/presence.h"

namespace herald::core {

struct MemoryEngineOptions {
  // BROADCAST_HISTORY_MEMORY.
  int64_t history_bytes_max = 256 << 20;

  // The bits of epochs. The default is std::random_device.
  std::function<uint64_t()> random;
};

class MemoryEngine final : public Engine {
 public:
  // `timers` outlives the engine.
  explicit MemoryEngine(const Timers* timers, MemoryEngineOptions options = {});

  void SetListener(EngineListener* listener) override { listener_ = listener; }
  void Publish(std::shared_ptr<Publication> publication,
               const PublishOptions& options, PublishDone done) override;
  Position PositionOf(absl::string_view channel,
                      const HistoryLimits& limits) override;
  std::optional<Position> Peek(absl::string_view channel) const override {
    return history_.Peek(channel);
  }
  Missed Since(absl::string_view channel, const std::optional<Position>& since,
               size_t count_max) override {
    return history_.Since(channel, since, count_max, timers_->Now());
  }
  void Release(absl::string_view channel) override {
    history_.Touch(channel, timers_->Now());
  }
  void Forget(absl::string_view channel) override { history_.Forget(channel); }
  void ForgetIfIdle(absl::string_view channel) override {
    history_.ForgetIfIdle(channel, timers_->Now());
  }
  std::vector<std::string> Expire() override {
    return history_.Expire(timers_->Now());
  }
  std::vector<std::string> HistoryChannels() const override {
    return history_.Names();
  }
  int64_t HistoryBytes() const override { return history_.bytes(); }
  int64_t HistoryCount() const override { return history_.channel_count(); }
  void Join(absl::string_view channel, const v1::Member& member,
            const SocketRef& socket) override ABSL_LOCKS_EXCLUDED(mu_);
  void Leave(absl::string_view channel, absl::string_view user_id,
             const SocketRef& socket, absl::Duration grace) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Replace(absl::string_view channel, uint64_t gateway,
               const std::vector<GatewayMember>& members,
               absl::Duration grace) override ABSL_LOCKS_EXCLUDED(mu_);
  void EndGrace(absl::string_view channel, absl::string_view user_id) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void RemoveMembers(absl::string_view channel) override
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::string> PresenceChannels() const override
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::string> ChannelsOf(uint64_t gateway) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<v1::PresentMember> Members(
      absl::string_view channel) const override ABSL_LOCKS_EXCLUDED(mu_);
  MembersPage MembersAfter(absl::string_view channel, absl::string_view after,
                           const PageSize& size) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  int64_t MemberBytesWith(absl::string_view channel,
                          const v1::Member& member) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  int64_t MemberCount(absl::string_view channel) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  int64_t TotalMemberCount() const override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Numbers, gives to the listener and remembers: one step, for the channel is
  // ours.
  Receipt Place(const std::shared_ptr<Publication>& publication,
                const HistoryLimits& limits);

  void TellOfEvictions(int64_t channels) {
    if (channels > 0) listener_->OnHistoriesEvicted(channels);
  }

  // Has `change` done to the channel's members, and tells of what it was.
  void ChangeMembers(absl::string_view channel,
                     absl::FunctionRef<Presence::Changes(Presence&)> change)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after SetListener().
  const Timers* const timers_;
  EngineListener* listener_ = nullptr;

  // Locked by themselves.
  IdempotencyCache keys_;
  History history_;

  // One lock for the presence of all channels: joining and leaving is rare
  // beside publishing, which does not take it.
  mutable contract::Mutex mu_;
  absl::flat_hash_map<std::string, Presence> presence_ ABSL_GUARDED_BY(mu_);
  int64_t total_member_count_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_MEMORY_ENGINE_H_
