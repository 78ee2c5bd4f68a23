// SPDX-License-Identifier: Apache-2.0
//
// What a SharedStore keeps beside channels: which node each gateway has its
// link to, and the items that nodes have recorded.
//
// Threads: one; see shared_store.h.

#ifndef HERALD_TESTS_SERVICE_ENGINE_SHARED_REGISTRY_H_
#define HERALD_TESTS_SERVICE_ENGINE_SHARED_REGISTRY_H_

#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/engine/recent_items.h"

namespace herald::core {

class SharedRegistry {
 public:
  // A gateway with a lease: its node, and the attach number.
  struct Link {
    int node = 0;
    int64_t attach = 0;
  };

  void Attach(uint64_t gateway, Link link) {
    links_[gateway] = link;
    ended_.erase(gateway);
  }
  // Unless it has attached again.
  void Forget(uint64_t gateway, int64_t attach) {
    const auto link = links_.find(gateway);
    if (link != links_.end() && link->second.attach == attach) {
      links_.erase(link);
    }
  }
  void OnLeaseEnded(uint64_t gateway, absl::Time now) {
    links_.erase(gateway);
    ended_[gateway] = now;
  }

  // The gateway's node, dead or alive. Errors: NOT_FOUND; UNAVAILABLE if its
  // lease has ended a while ago.
  absl::StatusOr<int> Find(uint64_t gateway, absl::Time now) const {
    const auto link = links_.find(gateway);
    if (link != links_.end()) return link->second.node;
    const auto ended = ended_.find(gateway);
    if (ended != ended_.end() && ended->second + kLostMemory > now) {
      return absl::UnavailableError("the gateway's lease has ended");
    }
    return absl::NotFoundError("no node has the gateway");
  }

  const std::map<uint64_t, Link>& links() const { return links_; }

  RecentItems& records() { return records_; }

 private:
  // As CoreOptions::lost_memory.
  static constexpr absl::Duration kLostMemory = absl::Minutes(1);

  std::map<uint64_t, Link> links_;
  std::map<uint64_t, absl::Time> ended_;  // When leases have ended.
  RecentItems records_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_ENGINE_SHARED_REGISTRY_H_
