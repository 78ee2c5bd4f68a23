// SPDX-License-Identifier: Apache-2.0
//
// The state of a SharedStore beside channels: the node of each gateway's link,
// with its subscription count, and the items that nodes have recorded.
//
// Threads: one; see shared_store.h.

#ifndef HERALD_TESTS_SERVICE_ENGINE_SHARED_REGISTRY_H_
#define HERALD_TESTS_SERVICE_ENGINE_SHARED_REGISTRY_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/memory/recent_items.h"

namespace herald::core {

class SharedRegistry {
 public:
  // A gateway with a lease: its node, the attach number, and its subscriptions
  // by channel.
  struct Link {
    int node = 0;
    int64_t attach = 0;
    std::map<std::string, int64_t> counts;
  };

  void Attach(uint64_t gateway, Link link) {
    links_[gateway] = std::move(link);
    ended_.erase(gateway);
  }
  // Unless it has attached again.
  void Forget(uint64_t gateway, int64_t attach) {
    if (LinkOf(gateway, attach) != nullptr) links_.erase(gateway);
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

  // The gateway's subscriptions of the channel; nothing if `attach` is not its
  // newest number.
  void Set(const std::string& channel, uint64_t gateway, int64_t attach,
           int64_t count) {
    if (Link* const link = LinkOf(gateway, attach))
      link->counts[channel] = count;
  }
  void Add(const std::string& channel, uint64_t gateway, int64_t attach,
           int64_t delta) {
    Link* const link = LinkOf(gateway, attach);
    if (link == nullptr) return;
    int64_t& count = link->counts[channel];
    count = std::max<int64_t>(0, count + delta);
  }
  // The link has ended, or all of a node have.
  void EndCounts(uint64_t gateway, int64_t attach) {
    if (Link* const link = LinkOf(gateway, attach)) link->counts.clear();
  }
  void EndCountsOf(int node) {
    for (auto& [gateway, link] : links_) {
      if (link.node == node) link.counts.clear();
    }
  }
  // The channel's subscriptions at all nodes, or at one.
  int64_t Count(const std::string& channel,
                std::optional<int> node = std::nullopt) const {
    int64_t sum = 0;
    for (const auto& [gateway, link] : links_) {
      if (node.has_value() && link.node != *node) continue;
      const auto it = link.counts.find(channel);
      if (it != link.counts.end()) sum += it->second;
    }
    return sum;
  }
  // Channels with subscriptions.
  std::map<std::string, int64_t> Counts() const {
    std::map<std::string, int64_t> counts;
    for (const auto& [gateway, link] : links_) {
      for (const auto& [channel, count] : link.counts) {
        if (count > 0) counts[channel] += count;
      }
    }
    return counts;
  }

  RecentItems& records() { return records_; }

 private:
  // As CoreOptions::lost_memory.
  static constexpr absl::Duration kLostMemory = absl::Minutes(1);

  // Nullptr if `attach` is not the gateway's newest number.
  Link* LinkOf(uint64_t gateway, int64_t attach) {
    const auto link = links_.find(gateway);
    if (link == links_.end() || link->second.attach != attach) return nullptr;
    return &link->second;
  }

  std::map<uint64_t, Link> links_;
  std::map<uint64_t, absl::Time> ended_;  // When leases have ended.
  RecentItems records_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_ENGINE_SHARED_REGISTRY_H_
