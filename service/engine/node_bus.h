// SPDX-License-Identifier: Apache-2.0
//
// Port: the other nodes of the cluster, messages between nodes, and the record
// of items that absent gateways receive when they return.
//
// A node is one service. Its name is opaque to callers.
//
// Threads: any. REQUIRES: no lock of the core is held; nor is it when `done` is
// called, inside the call or later.
//
// tests/contract/node_bus_suite.h and engine_cluster_bus_suite.h are the
// specification.

#ifndef HERALD_SERVICE_ENGINE_NODE_BUS_H_
#define HERALD_SERVICE_ENGINE_NODE_BUS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "service/channel/sink.h"

namespace herald::core {

// For how long recorded items are kept, and how many at most.
inline constexpr absl::Duration kRecordLife = absl::Minutes(10);
inline constexpr size_t kRecordsMax = 100'000;

struct OtherNode {
  std::string name;
  std::string stats;  // A recent result of its NodeListener::Stats().
};

// A node, as others see it.
class NodeListener {
 public:
  virtual ~NodeListener() = default;

  // A message of another node. Messages of one node arrive in their order.
  virtual void OnBus(absl::string_view from, absl::string_view bytes) = 0;

  // The bus was interrupted: messages of the last `gap` may be lost.
  virtual void OnBusRestored(absl::Duration gap) = 0;

  // The state of this node that other nodes show (OtherNode::stats). Short, and
  // never calls back.
  virtual std::string Stats() = 0;
};

class NodeBus {
 public:
  virtual ~NodeBus() = default;

  using NodesDone =
      absl::AnyInvocable<void(absl::StatusOr<std::vector<OtherNode>>)>;
  using NodeDone = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;
  using RecordDone = absl::AnyInvocable<void(const absl::Status&)>;
  using RecordsDone =
      absl::AnyInvocable<void(absl::StatusOr<std::vector<Chunk>>)>;

  // Called once, before all else; `listener` outlives the engine's last call.
  virtual void SetNodeListener(NodeListener* listener) = 0;

  // The other nodes that are alive. Errors: UNAVAILABLE.
  virtual void ListNodes(NodesDone done) = 0;

  // The name of the other node that the gateway has its link to. Errors:
  // NOT_FOUND if no other node has its lease; UNAVAILABLE, also if the lease
  // ended within the last minute.
  virtual void FindNode(uint64_t gateway, NodeDone done) = 0;

  // Sends `bytes` to one other node, or to all of them: once, or not at all if
  // the node dies or its bus is interrupted.
  virtual void ToNode(absl::string_view node, std::string bytes) = 0;
  virtual void ToAll(std::string bytes) = 0;

  // Keeps `item` for kRecordLife. Beyond kRecordsMax the oldest item is evicted
  // (EngineListener::OnRecordEvicted). Errors: UNAVAILABLE.
  virtual void Record(Chunk item, RecordDone done) = 0;

  // The items that all nodes have recorded in the last `age`, counted back from
  // the time of the answer, the oldest first. Errors: OUT_OF_RANGE if some of
  // them may be missing; UNAVAILABLE.
  virtual void RecordedWithin(absl::Duration age, RecordsDone done) = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_NODE_BUS_H_
