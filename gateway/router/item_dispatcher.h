// SPDX-License-Identifier: Apache-2.0
//
// Handles the items of the service: selects the loops that an item concerns,
// and makes the deliveries for them. The link names channels by the texts of
// their keys, which are read here.
//
// Threads: not thread-safe; the router locks.

#ifndef HERALD_GATEWAY_ROUTER_ITEM_DISPATCHER_H_
#define HERALD_GATEWAY_ROUTER_ITEM_DISPATCHER_H_

#include <atomic>
#include <memory>

#include "gateway/router/history_tracker.h"
#include "gateway/router/router_state.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/channel_key.h"

namespace herald::gateway {

class ItemDispatcher {
 public:
  // The pointers outlive the object. Sets `settled` when the service has
  // settled.
  ItemDispatcher(RouterState* state, HistoryTracker* history,
                 std::atomic<bool>* settled)
      : state_(state), history_(history), settled_(settled) {}

  // Ignores items of a newer service.
  void Dispatch(link::v1::ServiceItem item, Batches* batches);

 private:
  void OnSettings(link::v1::Settings settings, Batches* batches);
  void OnSubscribed(const link::v1::Subscribed& yes, Batches* batches);
  void OnCancelled(const OpenTicket& ticket, const link::v1::Subscribed& yes,
                   Batches* batches);
  void OnRefused(link::v1::Refused no, Batches* batches);
  void OnSocketAnswer(link::v1::SocketAnswer answer, Batches* batches);
  void AnswerSocket(SocketAnswered answer, Batches* batches);
  void OnRenewed(link::v1::Renewed answer, Batches* batches);
  void OnPublication(link::v1::Publication publication, Batches* batches);
  // nullptr unless the channel drops to the latest event.
  std::shared_ptr<const Droppable> DroppableOf(
      const contract::ChannelKey& channel,
      const link::v1::Publication& publication, HeldChannel& held);
  void OnMember(contract::ChannelKeyView channel, const v1::Member& member,
                bool added, Batches* batches);
  void OnRoster(const link::v1::Roster& roster, Batches* batches);
  void OnCongestion(const link::v1::Congestion& congestion, Batches* batches);
  void OnCall(link::v1::Call call, Batches* batches);

  RouterState* const state_;
  HistoryTracker* const history_;
  std::atomic<bool>* const settled_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ITEM_DISPATCHER_H_
