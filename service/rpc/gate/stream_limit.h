// SPDX-License-Identifier: Apache-2.0
//
// Bounds the streams of a kind: in total, and from one source.
//
// Threads: any.

#ifndef HERALD_SERVICE_RPC_GATE_STREAM_LIMIT_H_
#define HERALD_SERVICE_RPC_GATE_STREAM_LIMIT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/admission/source.h"
#include "proto/contract/mutex.h"

namespace herald::rpc {

class StreamLimit {
 public:
  // A stream's slot, for as long as the object lives.
  using Slot = std::shared_ptr<void>;

  // One source may have half of `total_max`. Errors name the streams as `what`,
  // in plural.
  StreamLimit(std::string what, size_t total_max);

  // A slot for a stream of `peer` (gRPC's form). RESOURCE_EXHAUSTED if there
  // is none.
  absl::StatusOr<Slot> Take(absl::string_view peer);

 private:
  // Shared with the slots, which may outlive the limit.
  struct State {
    contract::Mutex mu;
    size_t total ABSL_GUARDED_BY(mu) = 0;
    absl::flat_hash_map<admission::Source, size_t> by_source
        ABSL_GUARDED_BY(mu);
  };

  const std::string what_;
  const size_t total_max_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_STREAM_LIMIT_H_
