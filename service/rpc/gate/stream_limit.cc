// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gate/stream_limit.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/http/peer.h"

namespace herald::rpc {

using contract::MutexLock;

StreamLimit::StreamLimit(std::string what, size_t total_max)
    : what_(std::move(what)), total_max_(total_max) {}

absl::StatusOr<StreamLimit::Slot> StreamLimit::Take(absl::string_view peer) {
  const admission::Source source = process::ParsePeer(peer).source();
  MutexLock taking(&state_->mu);
  if (state_->total >= total_max_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", total_max_, " ", what_, " already"));
  }
  // A unix socket's peers are vouched for by its file.
  const auto known = state_->by_source.find(source);
  const size_t of_source = known == state_->by_source.end() ? 0 : known->second;
  if (source != admission::kNoSource && of_source >= total_max_ / 2) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the address has ", of_source, " of at most ", total_max_,
                     " ", what_, " already"));
  }
  ++state_->total;
  ++state_->by_source[source];
  return Slot(nullptr, [state = state_, source](void* /*none*/) {
    MutexLock giving(&state->mu);
    --state->total;
    const auto it = state->by_source.find(source);
    if (--it->second == 0) state->by_source.erase(it);
  });
}

}  // namespace herald::rpc
