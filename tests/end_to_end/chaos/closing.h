// SPDX-License-Identifier: Apache-2.0
//
// The end of a round, when the trouble is over: all clients are back, a last
// message on every channel reaches all of its subscribers, and the service's
// answers about channels, histories, members and counts agree with the
// listeners.
//
// Failure: a condition that does not hold, or not in time.
//
// Threads: the loop's.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_CLOSING_H_
#define HERALD_TESTS_END_TO_END_CHAOS_CLOSING_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "tests/end_to_end/chaos/channel_view.h"
#include "tests/end_to_end/chaos/client.h"
#include "tests/end_to_end/chaos/failure.h"
#include "tests/end_to_end/chaos/ledger.h"
#include "tests/end_to_end/chaos/loop.h"
#include "tests/end_to_end/chaos/nemesis.h"
#include "tests/end_to_end/chaos/publisher.h"
#include "tests/end_to_end/chaos/watcher.h"
#include "tests/end_to_end/chaos/world.h"

namespace herald::chaos {

// All that takes part in a round. Outlives the Closing.
struct Cast {
  const Plan* plan;
  World* world;
  Loop* loop;
  Ledger* ledger;
  OrderBook* order;
  OpLog* log;
  Nemesis* nemesis;
  std::vector<std::unique_ptr<Publisher>>* publishers;
  std::vector<std::unique_ptr<Watcher>>* watchers;
  std::vector<std::unique_ptr<Client>>* clients;
};

class Closing {
 public:
  explicit Closing(const Cast& cast);

  // Makes sure, and takes everything down.
  void Run();

 private:
  using Stub = v1::BroadcastService::Stub;

  // In this order.
  void Heal();
  void Settle();
  void AwaitRules();
  void PublishFeed();
  void PublishLast();
  void AwaitLast();
  void CheckPresence();
  void CheckChannels();
  void CheckHistory(const Channel& channel, const Position& end);
  void CheckCounts();
  void LeaveAll();
  void EndServers();

  // The first condition that does not hold yet; nothing if all do.
  using Lack = std::optional<Failure>;

  // Serves until nothing lacks, which it checks at most every 50 ms; fails with
  // the last lack.
  void Await(const std::string& what, absl::FunctionRef<Lack()> lack);

  // Asks the service, which must answer.
  template <typename Request, typename Response>
  Response Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                             const Request&, Response*),
                const Request& request);

  // Of all listeners that are subscribed.
  void ForEachView(
      absl::FunctionRef<void(const std::string&, const ChannelView&)> look);
  Lack ViewWithoutLast();
  Lack PresenceLack(const Channel& channel);
  Lack ChannelLack(const Channel& channel);
  Lack CountLack(int64_t clients, int64_t subscriptions);
  Lack OfAnyChannel(absl::FunctionRef<Lack(const Channel&)> lack);
  int64_t SubscriberCount(const std::string& channel) const;

  const Cast cast_;
  const std::unique_ptr<Stub> stub_;
  // The last message of each channel, and its place if there is a history.
  struct Last {
    MessageId id;
    std::optional<Position> where;
  };
  std::map<std::string, Last> last_;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_CLOSING_H_
