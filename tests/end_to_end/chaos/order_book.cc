// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/order_book.h"

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

struct Node {
  absl::flat_hash_set<MessageId> next;
  int64_t before = 0;  // Messages that must come first.
};
using Graph = absl::flat_hash_map<MessageId, Node>;

Graph GraphOf(const std::vector<std::vector<MessageId>>& all,
              absl::FunctionRef<bool(MessageId)> may_repeat) {
  Graph graph;
  for (const std::vector<MessageId>& received : all) {
    const MessageId* last = nullptr;
    for (const MessageId& id : received) {
      if (may_repeat(id)) continue;
      graph.try_emplace(id);
      if (last != nullptr && graph[*last].next.insert(id).second) {
        ++graph[id].before;
      }
      last = &id;
    }
  }
  return graph;
}

// The messages that are left when those without a predecessor are removed,
// again and again: cycles, and their successors.
std::vector<MessageId> InCircles(Graph graph) {
  std::vector<MessageId> free;
  for (const auto& [id, node] : graph) {
    if (node.before == 0) free.push_back(id);
  }
  while (!free.empty()) {
    const MessageId id = free.back();
    free.pop_back();
    const Node node = std::move(graph[id]);
    graph.erase(id);
    for (const MessageId& next : node.next) {
      if (--graph[next].before == 0) free.push_back(next);
    }
  }
  std::vector<MessageId> left;
  for (const auto& [id, node] : graph) left.push_back(id);
  return left;
}

// Two messages that one listener has received in one order, and another in the
// other; for the report.
std::string Disagreement(const std::vector<std::vector<MessageId>>& all,
                         const std::vector<MessageId>& left) {
  const absl::flat_hash_set<MessageId> suspects(left.begin(), left.end());
  for (const std::vector<MessageId>& received : all) {
    absl::flat_hash_map<MessageId, size_t> places;
    for (size_t i = 0; i < received.size(); ++i) places[received[i]] = i;
    for (const std::vector<MessageId>& other : all) {
      for (size_t i = 1; i < other.size(); ++i) {
        const auto a = places.find(other[i - 1]);
        const auto b = places.find(other[i]);
        if (a == places.end() || b == places.end()) continue;
        if (a->second < b->second || !suspects.contains(a->first)) continue;
        return absl::StrCat(ToString(a->first), " came before ",
                            ToString(b->first), " and after it");
      }
    }
  }
  return absl::StrCat("one is ", ToString(left.front()));
}

}  // namespace

void OrderBook::Add(const std::string& channel,
                    std::vector<MessageId> received) {
  if (received.size() < 2) return;
  contract::MutexLock lock(&mu_);
  received_[channel].push_back(std::move(received));
}

void OrderBook::Check(absl::FunctionRef<bool(MessageId)> may_repeat) const {
  contract::MutexLock lock(&mu_);
  for (const auto& [channel, all] : received_) {
    const std::vector<MessageId> left = InCircles(GraphOf(all, may_repeat));
    if (left.empty()) continue;
    throw Failure(
        "", channel,
        absl::StrCat(channel, ": listeners disagree on the order of ",
                     left.size(), " messages: ", Disagreement(all, left)));
  }
}

}  // namespace herald::chaos
