// SPDX-License-Identifier: Apache-2.0
//
// Two nodes on one bus that delivers on demand.

#include "service/calls/node_calls.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/service/core/hub_fakes.h"

namespace herald::core {
namespace {

struct Bus {
  // Delivers all items, and their consequences.
  void Deliver() {
    while (!messages.empty()) {
      const Message message = std::move(messages.front());
      messages.pop_front();
      nodes.at(message.to)->OnBus(message.from, message.bytes);
    }
  }

  struct Message {
    std::string from;
    std::string to;
    std::string bytes;
  };
  std::map<std::string, NodeListener*> nodes;
  std::map<uint64_t, std::string> homes;  // Of gateways.
  std::deque<Message> messages;
  std::vector<Chunk> records;
  absl::Status status;  // Of all that may fail.
};

class BusOfNode final : public NodeBus {
 public:
  BusOfNode(std::string name, Bus* bus) : name_(std::move(name)), bus_(bus) {}

  void SetNodeListener(NodeListener* listener) override {
    bus_->nodes[name_] = listener;
  }
  void ListNodes(NodesDone done) override {
    if (!bus_->status.ok()) return done(bus_->status);
    std::vector<OtherNode> others;
    for (const auto& [name, listener] : bus_->nodes) {
      if (name != name_) others.push_back({name, listener->Stats()});
    }
    done(std::move(others));
  }
  void FindNode(uint64_t gateway, NodeDone done) override {
    if (!bus_->status.ok()) return done(bus_->status);
    const auto home = bus_->homes.find(gateway);
    if (home == bus_->homes.end()) return done(absl::NotFoundError("nobody"));
    done(home->second);
  }
  void ToNode(absl::string_view node, std::string bytes) override {
    bus_->messages.push_back({name_, std::string(node), std::move(bytes)});
  }
  void ToAll(std::string bytes) override {
    for (const auto& [name, listener] : bus_->nodes) {
      if (name != name_) ToNode(name, bytes);
    }
  }
  void Record(Chunk item, RecordDone done) override {
    if (bus_->status.ok()) bus_->records.push_back(std::move(item));
    done(bus_->status);
  }
  void RecordedWithin(absl::Duration /*age*/, RecordsDone done) override {
    if (!bus_->status.ok()) return done(bus_->status);
    done(bus_->records);
  }

 private:
  const std::string name_;
  Bus* const bus_;
};

class ForgottenObserver final : public ServiceObserver {
 public:
  void OnRevocationForgotten() override { ++forgotten; }
  int forgotten = 0;
};

class Node {
 public:
  Node(const std::string& name, Bus* bus, FakeTimers* timers)
      : name_(name), all_(bus), timers_(timers), bus_(name, bus) {
    ports_.bus = &bus_;
    ports_.timers = timers;
    ports_.observer = &observer_;
    calls_.emplace(timers, &observer_);
    gateways_.emplace(link::v1::Settings(), timers);
    node_calls_.emplace(ports_, &*calls_, &*gateways_);
    bus_.SetNodeListener(&*node_calls_);
  }

  // A gateway that has a link to this node, and one subscription.
  AttachmentPtr Attach(uint64_t id,
                       admission::Source source = admission::kNoSource) {
    link::v1::Hello hello;
    hello.set_gateway_id(static_cast<int64_t>(id));
    auto gateway = std::make_shared<Attachment>(
        hello, std::make_shared<FakeSink>(), timers_->Now(), false, source);
    Gateways::Displaced displaced;
    EXPECT_TRUE(gateways_->Add(gateway, &displaced).ok());
    Items(gateway);  // The settings.
    gateway->attached = true;
    gateway->subscription_count = 1;
    all_->homes[id] = name_;
    return gateway;
  }
  // Its link has ended.
  void End(const AttachmentPtr& gateway) {
    gateway->ended = true;
    calls_->End(gateway);
    gateways_->Remove(gateway);
  }
  static std::vector<link::v1::ServiceItem> Items(const AttachmentPtr& to) {
    return static_cast<FakeSink&>(*to->sink).Items();
  }
  // The gateway has one call and answers it.
  void Answer(const AttachmentPtr& gateway, absl::StatusOr<int64_t> result) {
    const auto items = Items(gateway);
    ASSERT_EQ(items.size(), 1u);
    ASSERT_TRUE(items[0].has_call());
    calls_->Answer(items[0].call().call_id(), gateway, std::move(result));
    all_->Deliver();
  }

  NodeCalls& calls() { return *node_calls_; }
  Gateways& gateways() { return *gateways_; }
  int forgotten() const { return observer_.forgotten; }

 private:
  const std::string name_;
  Bus* const all_;
  FakeTimers* const timers_;
  BusOfNode bus_;
  ForgottenObserver observer_;
  Ports ports_;
  std::optional<Calls> calls_;
  std::optional<Gateways> gateways_;
  std::optional<NodeCalls> node_calls_;
};

class TwoNodes : public ::testing::Test {
 protected:
  static link::v1::Call Unsubscribe(const std::string& socket) {
    link::v1::Call call;
    call.mutable_unsubscribe()->set_socket_id(socket);
    call.mutable_unsubscribe()->set_channel("news");
    return call;
  }
  static link::v1::Call DisconnectAda() {
    link::v1::Call call;
    call.mutable_disconnect()->set_user_id("ada");
    return call;
  }
  CallDone Keep() {
    return [this](absl::StatusOr<int64_t> result) {
      ++answers_;
      result_ = std::move(result);
    };
  }
  void CallFromFirst(const std::string& socket) {
    first_.calls().CallSocket(Unsubscribe(socket), kCallDeadline, Keep());
    bus_.Deliver();
  }
  void DisconnectFromFirst() {
    first_.calls().DisconnectUser(DisconnectAda(), Keep());
    bus_.Deliver();
  }

  FakeTimers timers_;
  Bus bus_;
  Node first_{"first", &bus_, &timers_};
  Node second_{"second", &bus_, &timers_};
  int answers_ = 0;
  absl::StatusOr<int64_t> result_ = absl::InternalError("none");
};

TEST_F(TwoNodes, CallAGatewayOfTheirOwnWithoutTheBus) {
  const auto gateway = first_.Attach(1);
  first_.calls().CallSocket(Unsubscribe("1.5"), kCallDeadline, Keep());
  EXPECT_TRUE(bus_.messages.empty());
  first_.Answer(gateway, 0);
  EXPECT_TRUE(result_.ok()) << result_.status();
  EXPECT_EQ(answers_, 1);
}

TEST_F(TwoNodes, CallAGatewayOfTheOtherOne) {
  const auto gateway = second_.Attach(2);
  CallFromFirst("2.5");
  EXPECT_EQ(answers_, 0);
  second_.Answer(gateway, 0);
  EXPECT_TRUE(result_.ok()) << result_.status();
  CallFromFirst("2.5");
  second_.Answer(gateway, absl::NotFoundError("no such socket"));
  EXPECT_EQ(result_.status(), absl::NotFoundError("no such socket"));
  timers_.Advance(kCallDeadline);
  EXPECT_EQ(answers_, 2);
}

TEST_F(TwoNodes, WaitForTheOtherOneNoLongerThanTheDeadline) {
  second_.Attach(2);
  first_.calls().CallSocket(Unsubscribe("2.5"), kCallDeadline, Keep());
  bus_.messages.clear();  // It has died.
  timers_.Advance(kCallDeadline);
  EXPECT_TRUE(absl::IsUnavailable(result_.status())) << result_.status();
  EXPECT_EQ(answers_, 1);
}

TEST_F(TwoNodes, ReportWhyThereIsNoSuchSocket) {
  CallFromFirst("7.5");
  EXPECT_TRUE(absl::IsNotFound(result_.status())) << result_.status();
  // The engine knows of the gateway, and the other node not any more.
  bus_.homes[8] = "second";
  CallFromFirst("8.5");
  EXPECT_TRUE(absl::IsNotFound(result_.status())) << result_.status();
  bus_.status = absl::UnavailableError("its lease has just ended");
  CallFromFirst("9.5");
  EXPECT_EQ(result_.status(), bus_.status);
}

TEST_F(TwoNodes, DisconnectAUserAtAllGateways) {
  const auto own = first_.Attach(1);
  const auto other = second_.Attach(2);
  DisconnectFromFirst();
  EXPECT_EQ(bus_.records.size(), 1u);
  first_.Answer(own, 2);
  EXPECT_EQ(answers_, 0);
  second_.Answer(other, 3);
  EXPECT_EQ(result_.value_or(-1), 5) << result_.status();
}

TEST_F(TwoNodes, DoNotCountADisconnectThatTheOtherOneMayHaveMissed) {
  const auto own = first_.Attach(1);
  first_.calls().DisconnectUser(DisconnectAda(), Keep());
  bus_.messages.clear();
  first_.Answer(own, 2);
  timers_.Advance(kCallDeadline);
  EXPECT_TRUE(absl::IsUnavailable(result_.status())) << result_.status();
}

TEST_F(TwoNodes, DisconnectAUserHereInSpiteOfTheEngine) {
  const auto own = first_.Attach(1);
  bus_.status = absl::UnavailableError("it is down");
  DisconnectFromFirst();
  first_.Answer(own, 2);
  EXPECT_EQ(result_.status(), bus_.status);
}

// A rogue gateway beside one that answers.
class ARogueGateway : public TwoNodes {
 protected:
  static constexpr admission::Source kThere = 5;

  // Disconnects a user at the polite gateway and the rogue.
  void Disconnect(const AttachmentPtr& rogue) {
    first_.calls().DisconnectUser(DisconnectAda(), Keep());
    first_.Answer(polite_, 2);
    if (rogue != nullptr) Node::Items(rogue);
    timers_.Advance(kCallDeadline);
  }
  void ExpectFailure(const std::string& name) {
    EXPECT_TRUE(absl::IsUnavailable(result_.status())) << result_.status();
    EXPECT_THAT(std::string(result_.status().message()),
                ::testing::HasSubstr(name));
  }

  // No messages of the second node are needed.
  ARogueGateway() { bus_.nodes.erase("second"); }

  const AttachmentPtr polite_ = first_.Attach(1, /*source=*/4);
};

TEST_F(ARogueGateway, ThatIsSilentFailsOneDisconnectAndIsNamed) {
  const AttachmentPtr rogue = first_.Attach(66, kThere);
  Disconnect(rogue);
  ExpectFailure("gateway 66");
  for (int i = 0; i < 100; ++i) {
    Disconnect(rogue);
    EXPECT_EQ(result_.value_or(-1), 2) << result_.status();
  }
}

TEST_F(ARogueGateway, FailsNoOtherDisconnectByNewLinks) {
  const AttachmentPtr rogue = first_.Attach(66, kThere);
  Disconnect(rogue);
  ExpectFailure("gateway 66");
  first_.End(rogue);
  for (uint64_t id = 67; id < 80; ++id) {
    const AttachmentPtr again = first_.Attach(id, kThere);
    Disconnect(again);
    EXPECT_EQ(result_.value_or(-1), 2) << result_.status();
    first_.End(again);
  }
  // From another address it has one more.
  const AttachmentPtr other = first_.Attach(90, /*source=*/6);
  Disconnect(other);
  ExpectFailure("gateway 90");
}

TEST_F(ARogueGateway, ThatEndsItsLinkInsteadFailsOneDisconnect) {
  for (uint64_t id = 66; id < 70; ++id) {
    const AttachmentPtr rogue = first_.Attach(id, kThere);
    first_.calls().DisconnectUser(DisconnectAda(), Keep());
    first_.End(rogue);
    first_.Answer(polite_, 2);
    if (id == 66) {
      ExpectFailure("gateway 66");
    } else {
      EXPECT_EQ(result_.value_or(-1), 2) << result_.status();
    }
  }
}

TEST_F(ARogueGateway, ThatAnswersWithAnErrorFailsOneDisconnect) {
  const AttachmentPtr rogue = first_.Attach(66, kThere);
  for (const bool is_first : {true, false, false}) {
    first_.calls().DisconnectUser(DisconnectAda(), Keep());
    first_.Answer(rogue, absl::PermissionDeniedError("no"));
    first_.Answer(polite_, 2);
    if (is_first) {
      ExpectFailure("gateway 66: no");
    } else {
      EXPECT_EQ(result_.value_or(-1), 2) << result_.status();
    }
  }
}

TEST_F(ARogueGateway, IsNeededAgainAfterAMinute) {
  const AttachmentPtr gateway = first_.Attach(66, kThere);
  Disconnect(gateway);
  ExpectFailure("gateway 66");
  timers_.Advance(kProbation);
  first_.calls().DisconnectUser(DisconnectAda(), Keep());
  first_.Answer(polite_, 2);
  EXPECT_EQ(answers_, 1) << "it is waited for";
  first_.Answer(gateway, 3);
  EXPECT_EQ(result_.value_or(-1), 5) << result_.status();
  first_.calls().DisconnectUser(DisconnectAda(), Keep());
  first_.Answer(polite_, 2);
  timers_.Advance(kCallDeadline);
  ExpectFailure("gateway 66");
}

// It has no user, and its node answers before the caller times out.
TEST_F(TwoNodes, DoNotWaitForAnIdleGatewayOfTheOtherOne) {
  second_.Attach(2)->subscription_count = 0;
  DisconnectFromFirst();
  timers_.Advance(kCallDeadline - absl::Milliseconds(100));
  bus_.Deliver();
  EXPECT_EQ(result_.value_or(-1), 0) << result_.status();
}

TEST_F(TwoNodes, NotifyAttachingGatewaysWithoutWaitingForThem) {
  const auto own = first_.Attach(1);
  const auto other = second_.Attach(2);
  own->attached = false;
  other->attached = false;
  DisconnectFromFirst();
  EXPECT_EQ(result_.value_or(-1), 0) << result_.status();
  for (const AttachmentPtr& gateway : {own, other}) {
    const auto items = Node::Items(gateway);
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].call().disconnect().user_id(), "ada");
    EXPECT_EQ(items[0].call().call_id(), 0);
  }
}

TEST_F(TwoNodes, RevokeAtAllGatewaysAndForThoseThatAreAway) {
  const auto own = first_.Attach(1);
  const auto other = second_.Attach(2);
  v1::Revocation revocation;
  revocation.set_user_id("ada");
  first_.calls().Revoke(revocation);
  bus_.Deliver();
  for (const AttachmentPtr& gateway : {own, other}) {
    const auto items = Node::Items(gateway);
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].revocation().user_id(), "ada");
  }
  ASSERT_EQ(bus_.records.size(), 1u);
  EXPECT_EQ(first_.forgotten(), 0);

  bus_.status = absl::UnavailableError("it is down");
  first_.calls().Revoke(revocation);
  EXPECT_EQ(Node::Items(own).size(), 1u);
  EXPECT_EQ(first_.forgotten(), 1);
}

TEST_F(TwoNodes, SendRecordedItemsAgainAfterAnInterruption) {
  const auto other = second_.Attach(2);
  v1::Revocation revocation;
  revocation.set_user_id("ada");
  first_.calls().Revoke(revocation);
  bus_.messages.clear();
  second_.calls().OnBusRestored(absl::Seconds(5));
  auto items = Node::Items(other);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].revocation().user_id(), "ada");

  bus_.status = absl::OutOfRangeError("that was too long ago");
  second_.calls().OnBusRestored(absl::Hours(5));
  items = Node::Items(other);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_TRUE(items[0].has_renew_all());
}

TEST_F(TwoNodes, DropAResultThatBreaksTheRules) {
  second_.Attach(2);
  first_.calls().CallSocket(Unsubscribe("2.5"), kCallDeadline, Keep());
  node::v1::NodeMessage message;
  ASSERT_TRUE(message.ParseFromString(bus_.messages.at(0).bytes));
  const int64_t id = message.call().call().call_id();
  message.mutable_call_result()->set_call_id(id);
  message.mutable_call_result()->set_disconnected_count(-1);
  first_.calls().OnBus("second", message.SerializeAsString());
  EXPECT_EQ(answers_, 0);
  message.mutable_call_result()->set_disconnected_count(1);
  first_.calls().OnBus("second", message.SerializeAsString());
  EXPECT_EQ(answers_, 1);
}

TEST_F(TwoNodes, IgnoreItemsOfALaterRelease) {
  const auto gateway = second_.Attach(2);
  second_.calls().OnBus("first", "\xFF");
  second_.calls().OnBus("first", "");
  second_.calls().OnBus("first", std::string("\xA2\x06\x01x", 4));
  EXPECT_TRUE(Node::Items(gateway).empty());
  EXPECT_TRUE(bus_.messages.empty());

  // It waits for the answer to a call.
  node::v1::NodeMessage message;
  message.mutable_call()->mutable_call()->set_call_id(5);
  second_.calls().OnBus("first", message.SerializeAsString());
  ASSERT_EQ(bus_.messages.size(), 1u);
  ASSERT_TRUE(message.ParseFromString(bus_.messages[0].bytes));
  EXPECT_EQ(message.call_result().call_id(), 5);
  EXPECT_TRUE(absl::IsUnimplemented(ResultOf(message.call_result()).status()));
}

TEST_F(TwoNodes, ShowTheirGatewaysToEachOther) {
  const auto gateway = second_.Attach(2);
  gateway->client_count = 7;
  node::v1::NodeStats stats;
  ASSERT_TRUE(stats.ParseFromString(second_.calls().Stats()));
  ASSERT_EQ(stats.gateways_size(), 1);
  EXPECT_EQ(stats.gateways(0).id(), "2");
  EXPECT_EQ(stats.gateways(0).client_count(), 7);
  EXPECT_EQ(stats.gateways(0).subscription_count(), 1);
  ASSERT_TRUE(stats.ParseFromString(first_.calls().Stats()));
  EXPECT_EQ(stats.gateways_size(), 0);
}

}  // namespace
}  // namespace herald::core
