// SPDX-License-Identifier: Apache-2.0
//
// Port: the node that an engine runs on. The engine delivers events to it and
// queries it.

#ifndef HERALD_SERVICE_ENGINE_ENGINE_LISTENER_H_
#define HERALD_SERVICE_ENGINE_ENGINE_LISTENER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "herald/v1/server_message.pb.h"
#include "proto/contract/channel_rules.h"
#include "service/channel/position.h"
#include "service/channel/publication.h"

namespace herald::core {

class EngineListener {
 public:
  virtual ~EngineListener() = default;

  // Calls `body` with the channel's shard locked. REQUIRES: no lock of the core
  // is held.
  virtual void WithChannel(absl::string_view channel,
                           absl::FunctionRef<void()> body) = 0;

  // The calls up to the next blank line are made with the shard locked, in one
  // order per channel.

  // A new epoch of the channel's history begins; earlier positions are void.
  // Precedes all publications of the epoch. `lost`: publications before it may
  // not have been delivered; then it may also be the same epoch as before.
  virtual void OnHistoryBegan(absl::string_view channel,
                              const Position& position, bool lost) = 0;
  // The channel has no history any more; if `lost`, it may have had none.
  virtual void OnHistoryEnded(absl::string_view channel, bool lost) = 0;
  // The next publication of its channel. Returns how many sockets of this node
  // are subscribed.
  virtual int64_t OnPublication(const PublicationPtr& publication) = 0;
  // A user's first subscription was admitted; the last one has ended, and the
  // grace has expired.
  virtual void OnMemberAdded(absl::string_view channel,
                             const v1::Member& member) = 0;
  virtual void OnMemberRemoved(absl::string_view channel,
                               absl::string_view user_id) = 0;
  // Replaces a long series of member changes: the roster has changed as a
  // whole. `position` is the last delivered one, if the channel has a history.
  virtual void OnRosterReplaced(absl::string_view channel,
                                const Position& position) = 0;
  // The rules in force for the channel, and this node's subscriptions of it.
  virtual contract::ChannelSettings RulesOf(absl::string_view channel) = 0;
  virtual int64_t SubscriberCount(absl::string_view channel) = 0;

  // Calls `body` with each channel that has subscriptions on this node, some
  // lock of the core held. REQUIRES: none is held by the caller.
  virtual void ForEachChannel(
      absl::FunctionRef<void(absl::string_view channel)> body) = 0;
  // This node's numbers of channels and subscriptions.
  virtual int64_t channel_count() = 0;
  virtual int64_t subscription_count() = 0;

  // A gateway's lease has expired and its members have left. Called without a
  // lock.
  virtual void OnLeaseEnded(uint64_t gateway, int64_t attach) = 0;

  // False: calls have been UNAVAILABLE for longer than a moment. True: they are
  // answered again. An engine is up until it reports otherwise. Called with or
  // without a lock.
  virtual void OnEngineUp(bool up) = 0;

  // Because of a memory bound, an idempotency key was evicted before it
  // expired; so were the histories of `channels` channels.
  virtual void OnKeyEvicted() {}
  virtual void OnHistoriesEvicted(int64_t /*channels*/) {}
  // So was an item that NodeBus::Record() keeps.
  virtual void OnRecordEvicted() {}
  // So many users stay present for longer, because they have left too often.
  virtual void OnDeparturesDelayed(int64_t /*count*/) {}
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_ENGINE_LISTENER_H_
