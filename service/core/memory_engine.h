// SPDX-License-Identifier: Apache-2.0
//
// The engine of a single service: everything in this process's memory. It calls
// its listener before it returns.
//
// Threads: as engine.h says. Its own lock is never held while it calls the
// listener, and the calls of one channel do not overlap; so the order that the
// listener sees is the order in which the engine was called.

#ifndef HERALD_SERVICE_CORE_MEMORY_ENGINE_H_
#define HERALD_SERVICE_CORE_MEMORY_ENGINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "proto/contract/mutex.h"
#include "service/core/engine.h"
#include "service/core/idempotency_cache.h"
#include "service/core/presence.h"
#include "service/core/timers.h"

namespace herald::core {

class MemoryEngine final : public Engine {
 public:
  // `timers` outlives the engine.
  explicit MemoryEngine(const Timers* timers) : timers_(timers) {}

  void SetListener(EngineListener* listener) override { listener_ = listener; }
  void Publish(PublicationPtr publication, absl::string_view idempotency_key,
               PublishDone done) override ABSL_LOCKS_EXCLUDED(mu_);
  void Join(absl::string_view channel, const v1::Member& member,
            const SocketRef& socket) override ABSL_LOCKS_EXCLUDED(mu_);
  void Leave(absl::string_view channel, absl::string_view user_id,
             const SocketRef& socket) override ABSL_LOCKS_EXCLUDED(mu_);
  void Replace(absl::string_view channel, uint64_t gateway,
               const std::vector<GatewayMember>& members) override
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::string> ChannelsOf(uint64_t gateway) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<v1::PresentMember> Members(
      absl::string_view channel) const override ABSL_LOCKS_EXCLUDED(mu_);
  int64_t MemberBytesWith(absl::string_view channel,
                          const v1::Member& member) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  int64_t MemberCount(absl::string_view channel) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  int64_t TotalMemberCount() const override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Constant after SetListener().
  const Timers* const timers_;
  EngineListener* listener_ = nullptr;

  // Locked by itself.
  IdempotencyCache keys_;

  // One lock for the presence of all channels: joining and leaving is rare
  // beside publishing, which does not take it.
  mutable contract::Mutex mu_;
  absl::flat_hash_map<std::string, Presence> presence_ ABSL_GUARDED_BY(mu_);
  int64_t total_member_count_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_MEMORY_ENGINE_H_
