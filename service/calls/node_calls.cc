// SPDX-License-Identifier: Apache-2.0

#include "service/calls/node_calls.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "service/channel/encoding.h"
#include "service/channel/joined_status.h"
#include "service/gateways/gateway_stats.h"
#include "service/gateways/link_checks.h"

namespace herald::core {
namespace {

// The socket that a call names; empty if it names a user, or no subject.
const std::string& SocketOf(const link::v1::Call& call) {
  switch (call.call_case()) {
    case link::v1::Call::kSubscribe:
      return call.subscribe().socket_id();
    case link::v1::Call::kUnsubscribe:
      return call.unsubscribe().socket_id();
    default:
      return call.disconnect().socket_id();
  }
}

std::optional<uint64_t> GatewayOf(const link::v1::Call& call) {
  const auto socket = contract::ParseSocketId(SocketOf(call));
  if (!socket.has_value()) return std::nullopt;
  return socket->gateway;
}

// Another node times out this much earlier, so that its answer is in time.
constexpr absl::Duration kBusSlack = absl::Milliseconds(200);

// Upper bound on the deadline of a call from another node.
constexpr absl::Duration kDeadlineMax = absl::Minutes(1);

std::string Encode(link::v1::Call call, int64_t id, absl::Duration deadline) {
  call.set_call_id(id);
  node::v1::NodeMessage message;
  *message.mutable_call()->mutable_call() = std::move(call);
  message.mutable_call()->set_deadline_ms(
      absl::ToInt64Milliseconds(deadline - kBusSlack));
  return message.SerializeAsString();
}

Chunk EncodeForGateways(const link::v1::Call& call) {
  link::v1::ServiceItem item;
  *item.mutable_call() = call;
  return EncodeItem(std::move(item));
}

Chunk EncodeForGateways(v1::Revocation revocation) {
  link::v1::ServiceItem item;
  *item.mutable_revocation() = std::move(revocation);
  return EncodeItem(std::move(item));
}

// Adds up the results of parts that end in any order. `done` gets the sum, or
// the first error.
class CallSum {
 public:
  CallSum(size_t parts, CallDone done)
      : parts_(parts), done_(std::move(done)) {}

  void Add(const absl::StatusOr<int64_t>& result) {
    sum_ += result.value_or(0);
    if (!parts_.Join(result.status())) return;
    const absl::Status status = parts_.status();
    if (!status.ok()) return done_(status);
    done_(sum_);
  }

 private:
  JoinedStatus parts_;
  std::atomic<int64_t> sum_{0};
  CallDone done_;
};

}  // namespace

// --- Calls -------------------------------------------------------------------

void NodeCalls::CallSocket(link::v1::Call call, absl::Duration deadline,
                           CallDone done) {
  const uint64_t gateway = GatewayOf(call).value();
  // The links of this node first, which costs no round trip.
  if (gateways_->Find(gateway) != nullptr) {
    return CallSocketHere(std::move(call), deadline, std::move(done));
  }
  bus_->FindNode(
      gateway, [this, call = std::move(call), deadline, done = std::move(done)](
                   const absl::StatusOr<std::string>& node) mutable {
        if (node.ok()) {
          return CallNode(*node, std::move(call), deadline, std::move(done));
        }
        if (!absl::IsNotFound(node.status())) return done(node.status());
        CallSocketHere(std::move(call), deadline, std::move(done));
      });
}

void NodeCalls::CallSocketHere(link::v1::Call call, absl::Duration deadline,
                               CallDone done) {
  const std::string shown = contract::Quoted(SocketOf(call));
  const std::optional<uint64_t> id = GatewayOf(call);
  if (!id.has_value()) {
    return done(absl::InvalidArgumentError(
        absl::StrCat("a call of another node names socket ", shown)));
  }
  const AttachmentPtr gateway = gateways_->Find(*id);
  if (gateway == nullptr && !gateways_->Knows(*id)) {
    return done(
        absl::NotFoundError(absl::StrCat("no gateway has socket ", shown)));
  }
  if (gateway == nullptr || !gateway->attached) {
    return done(absl::UnavailableError(
        absl::StrCat("the gateway of socket ", shown, " has no link now")));
  }
  calls_->Start(std::move(call), {gateway}, deadline, std::move(done));
}

void NodeCalls::CallNode(const std::string& node, link::v1::Call call,
                         absl::Duration deadline, CallDone done) {
  // Opened before it is sent: the answer may arrive before this returns.
  const int64_t id = open_.Open({node}, {}, deadline, std::move(done));
  bus_->ToNode(node, Encode(std::move(call), id, deadline));
}

void NodeCalls::DisconnectUser(link::v1::Call call, CallDone done) {
  // Recorded before it is sent. The other order is faster by a round trip, and
  // misses a gateway that attaches between the two steps.
  // Without a call_id no answer is expected.
  bus_->Record(EncodeForGateways(call),
               [this, call,
                done = std::move(done)](const absl::Status& recorded) mutable {
                 // Attached gateways are notified even if the record failed.
                 // Three parts: a caller that gets no error may rely on the
                 // gateways that are absent, on those of this node, and on
                 // those of others.
                 const auto sum = std::make_shared<CallSum>(3, std::move(done));
                 const auto add = [sum](const absl::StatusOr<int64_t>& result) {
                   sum->Add(result);
                 };
                 add(recorded.ok() ? absl::StatusOr<int64_t>(0) : recorded);
                 DisconnectUserHere(call, kCallDeadline, add);
                 DisconnectUserElsewhere(std::move(call), add);
               });
}

void NodeCalls::DisconnectUserHere(const link::v1::Call& call,
                                   absl::Duration deadline, CallDone done) {
  std::vector<AttachmentPtr> needed;
  std::vector<AttachmentPtr> others;
  std::vector<AttachmentPtr> attaching;
  for (AttachmentPtr& gateway : gateways_->All()) {
    if (!gateway->attached) {
      attaching.push_back(std::move(gateway));
      continue;
    }
    // A gateway without a subscription has no user. One on probation applies
    // the call when it reads its link, or attaches again.
    const bool is_needed =
        gateway->subscription_count > 0 && !calls_->IsOnProbation(*gateway);
    (is_needed ? needed : others).push_back(std::move(gateway));
  }
  const Chunk chunk = attaching.empty() ? nullptr : EncodeForGateways(call);
  // Not awaited: the result would wait behind the adoption of the gateway's
  // channels (TwoNodes.NotifyAttachingGatewaysWithoutWaitingForThem).
  for (const AttachmentPtr& gateway : attaching) {
    gateway->sink->Enqueue(chunk);
    gateway->sink->Flush();
  }
  const auto sum = std::make_shared<CallSum>(2, std::move(done));
  const auto add = [sum](const auto& result) { sum->Add(result); };
  calls_->Start(call, needed, deadline, add);
  calls_->Start(call, others, deadline, add, Missing::kCountsAsNone);
}

void NodeCalls::DisconnectUserElsewhere(link::v1::Call call, CallDone done) {
  bus_->ListNodes(
      [this, call = std::move(call), done = std::move(done)](
          const absl::StatusOr<std::vector<OtherNode>>& nodes) mutable {
        if (!nodes.ok()) return done(nodes.status());
        if (nodes->empty()) return done(0);
        std::vector<std::string> names;
        for (const OtherNode& node : *nodes) names.push_back(node.name);
        const int64_t id =
            open_.Open(std::move(names), {}, kCallDeadline, std::move(done));
        bus_->ToAll(Encode(std::move(call), id, kCallDeadline));
      });
}

// --- Revocations -------------------------------------------------------------

void NodeCalls::Revoke(v1::Revocation revocation) {
  node::v1::NodeMessage message;
  *message.mutable_revocation() = revocation;
  const Chunk chunk = EncodeForGateways(std::move(revocation));
  bus_->Record(chunk, [this, chunk, bytes = message.SerializeAsString()](
                          const absl::Status& recorded) {
    // The links get the revocation even then. An absent gateway may miss it,
    // which is counted.
    if (!recorded.ok()) observer_->OnRevocationForgotten();
    SendToAllLinks(chunk);
    bus_->ToAll(bytes);
  });
}

void NodeCalls::SendToAllLinks(const Chunk& item) {
  for (const AttachmentPtr& gateway : gateways_->All()) {
    gateway->sink->Enqueue(item);
    gateway->sink->Flush();
  }
}

std::vector<Chunk> RecordsOrRenewAll(
    absl::StatusOr<std::vector<Chunk>> recorded) {
  if (recorded.ok()) return *std::move(recorded);
  link::v1::ServiceItem item;
  item.mutable_renew_all();
  return {EncodeItem(std::move(item))};
}

void NodeCalls::OnBusRestored(absl::Duration gap) {
  // Items of the gap that had arrived are sent again, which is harmless.
  bus_->RecordedWithin(gap, [this](auto recorded) {
    for (const Chunk& item : RecordsOrRenewAll(std::move(recorded))) {
      SendToAllLinks(item);
    }
  });
}

// --- Other nodes' messages ---------------------------------------------------

void NodeCalls::OnBus(absl::string_view from, absl::string_view bytes) {
  node::v1::NodeMessage message;
  // A later release may send kinds that this one does not know.
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  const std::string node(from);
  switch (message.message_case()) {
    case node::v1::NodeMessage::kCall:
      return OnCall(node, std::move(*message.mutable_call()));
    case node::v1::NodeMessage::kCallResult:
      if (!CheckCallResult(message.call_result()).ok()) return;
      return open_.Answer(message.call_result().call_id(), node,
                          ResultOf(message.call_result()));
    case node::v1::NodeMessage::kRevocation:
      return SendToAllLinks(
          EncodeForGateways(std::move(*message.mutable_revocation())));
    case node::v1::NodeMessage::MESSAGE_NOT_SET:
      return;
  }
}

void NodeCalls::OnCall(const std::string& from, node::v1::NodeCall call) {
  link::v1::Call& asked = *call.mutable_call();
  CallDone answer = [this, from, id = asked.call_id()](const auto& result) {
    node::v1::NodeMessage message;
    *message.mutable_call_result() = ToCallResult(id, result);
    bus_->ToNode(from, message.SerializeAsString());
  };
  const absl::Duration deadline =
      std::clamp(absl::Milliseconds(call.deadline_ms()), absl::ZeroDuration(),
                 kDeadlineMax);
  // The id belongs to the other node. Calls::Start() gives the call one of this
  // node's.
  asked.clear_call_id();
  if (asked.call_case() == link::v1::Call::CALL_NOT_SET) {
    return answer(absl::UnimplementedError("another node's call is not known"));
  }
  if (!asked.disconnect().user_id().empty()) {
    return DisconnectUserHere(asked, deadline, std::move(answer));
  }
  CallSocketHere(std::move(asked), deadline, std::move(answer));
}

std::string NodeCalls::Stats() {
  return NodeStatsOf(*gateways_, *timers_).SerializeAsString();
}

}  // namespace herald::core
