// SPDX-License-Identifier: Apache-2.0
//
// Peers that keep account of the service's promises, and abort when it breaks
// one: a link of a gateway, and a Watch.

#ifndef HERALD_TESTS_FUZZ_MODELS_H_
#define HERALD_TESTS_FUZZ_MODELS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/broadcast_service.pb.h"
#include "herald/v1/server_message.pb.h"
#include "tests/fuzz/world.h"

namespace herald::fuzz {

// The members of presence channels, as a peer knows them. A member comes and
// leaves in turns, and only on a channel whose roster is known.
class RosterModel {
 public:
  template <typename Members>
  void Set(const std::string& channel, const Members& members) {
    std::set<std::string>& users = users_[channel];
    users.clear();
    for (const v1::Member& member : members) {
      contract::Require(users.insert(member.user_id()).second);
    }
  }
  void Add(const v1::MemberAdded& added);
  void Remove(const v1::MemberRemoved& removed);
  void Forget(const std::string& channel) { users_.erase(channel); }
  bool Knows(const std::string& channel) const {
    return users_.contains(channel);
  }

  // Requires that the engine has these members.
  void RequireTrue(World& world) const;

 private:
  std::map<std::string, std::set<std::string>> users_;
};

// Tickets are answered once; publications, members and positions come of
// channels that the link has subscribed to.
class LinkModel {
 public:
  LinkModel(World* world, int64_t gateway);

  bool is_open() const { return attachment_ != nullptr; }
  int64_t gateway() const { return gateway_; }
  Outbox& outbox() { return *outbox_; }
  const RosterModel& rosters() const { return rosters_; }
  int64_t Count(const std::string& channel) const;
  const std::map<std::string, int64_t>& counts() const { return counts_; }
  // The calls that were asked for, and tickets that wait for their answer.
  const std::vector<int64_t>& calls() const { return calls_; }
  std::vector<int64_t> OpenTickets() const;

  // Sends an item; one that is refused ends the link. REQUIRES: is_open(), and
  // a new ticket in a `subscribe` that can be answered at once.
  void Send(link::v1::GatewayItem item);

  // Takes the items that the service has sent.
  void Read();

  void Close();

  // REQUIRES: the authorizer has no question.
  void RequireAllAnswered() const;

 private:
  void OnSent(const link::v1::GatewayItem& item);
  void On(const link::v1::ServiceItem& item);
  void OnSubscribed(const link::v1::Subscribed& subscribed);

  World* const world_;
  const int64_t gateway_;
  const std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
  core::AttachmentPtr attachment_;
  std::map<std::string, int64_t> held_;    // Up to `attached`.
  std::map<std::string, int64_t> counts_;  // Subscriptions; none of 0.
  std::map<int64_t, std::string> open_;    // Channels, by ticket.
  std::vector<int64_t> calls_;
  int64_t renews_ = 0;    // Without an answer.
  int64_t recovers_ = 0;  // The same.
  bool is_settled_ = false;
  RosterModel rosters_;
};

// Events of a channel with history are numbered without a gap.
class WatchModel {
 public:
  explicit WatchModel(World* world) : world_(world) {}

  // Opens the Watch, if the service is ready.
  void Open(const std::vector<std::string>& channels);
  bool is_open() const { return outbox_ != nullptr; }
  void Read();
  void Close();
  const RosterModel& rosters() const { return rosters_; }

 private:
  void On(const v1::ServerMessage& message);

  World* const world_;
  v1::WatchRequest request_;
  std::shared_ptr<Outbox> outbox_;
  std::map<std::string, int64_t> offsets_;
  RosterModel rosters_;
};

}  // namespace herald::fuzz

#endif  // HERALD_TESTS_FUZZ_MODELS_H_
