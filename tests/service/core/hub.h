// SPDX-License-Identifier: Apache-2.0
//
// All of the service but its rims, with a method for each thing that a test
// asks of it.

#ifndef HERALD_TESTS_SERVICE_CORE_HUB_H_
#define HERALD_TESTS_SERVICE_CORE_HUB_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/core.h"

namespace herald::core {

class Hub {
 public:
  // `settle` has the engine answer all that it was asked; nullptr: it has.
  Hub(const CoreOptions& options, Engine* engine, Authorizer* authorizer,
      Timers* timers, ServiceObserver* observer,
      std::function<void()> settle = nullptr)
      : core_(options, engine, authorizer, timers, observer),
        settle_(std::move(settle)) {}

  Core* core() { return &core_; }
  void Settle() {
    if (settle_) settle_();
  }
  void Start() { core_.Start(); }
  void Stop() { core_.Stop(); }
  bool ready() const { return core_.readiness().ready(); }

  std::shared_ptr<void> AwaitHello(const SinkPtr& sink) {
    return core_.links()->AwaitHello(sink);
  }
  absl::StatusOr<AttachmentPtr> Open(const link::v1::Hello& hello, SinkPtr sink,
                                     bool proven = false) {
    auto opened = core_.links()->Open(hello, std::move(sink), proven);
    Settle();
    return opened;
  }
  // The answer of a link that has ended later is that end.
  absl::Status Handle(const AttachmentPtr& gateway,
                      link::v1::GatewayItem item) {
    const absl::Status status = core_.links()->Handle(gateway, std::move(item));
    Settle();
    if (!status.ok()) return status;
    contract::MutexLock lock(&gateway->mu);
    return gateway->failure;
  }
  void Close(const AttachmentPtr& gateway, absl::string_view why) {
    core_.links()->Close(gateway, why);
    Settle();
  }

  void Broadcast(const v1::BroadcastRequest& request, Broadcasts::Done done) {
    core_.broadcasts()->Broadcast(request, std::move(done));
    Settle();
  }
  template <typename Done>
  void Subscribe(const v1::SubscribeRequest& request, Done done) {
    core_.commands()->Subscribe(request, std::move(done));
    Settle();
  }
  template <typename Done>
  void Unsubscribe(const v1::UnsubscribeRequest& request, Done done) {
    core_.commands()->Unsubscribe(request, std::move(done));
    Settle();
  }
  template <typename Done>
  void Disconnect(const v1::DisconnectRequest& request, Done done) {
    core_.commands()->Disconnect(request, std::move(done));
    Settle();
  }
  absl::Status Revoke(v1::Revocation revocation) {
    const absl::Status status = core_.commands()->Revoke(std::move(revocation));
    Settle();
    return status;
  }

  auto GetMembers(const v1::GetMembersRequest& request) {
    return Ask<v1::GetMembersResponse>([&](auto done) {
      core_.queries()->GetMembers(request, std::move(done));
    });
  }
  auto GetChannel(const v1::GetChannelRequest& request) {
    return Ask<v1::GetChannelResponse>([&](auto done) {
      core_.queries()->GetChannel(request, std::move(done));
    });
  }
  auto ListChannels(const v1::ListChannelsRequest& request) {
    return Ask<v1::ListChannelsResponse>([&](auto done) {
      core_.queries()->ListChannels(request, std::move(done));
    });
  }
  auto GetStats() {
    return Ask<v1::GetStatsResponse>(
        [&](auto done) { core_.queries()->GetStats(std::move(done)); });
  }
  auto GetHistory(const v1::GetHistoryRequest& request) {
    return Ask<v1::GetHistoryResponse>([&](auto done) {
      core_.queries()->GetHistory(request, std::move(done));
    });
  }
  ServiceCounts Counts() { return core_.queries()->Counts(); }

  absl::Status Watch(const v1::WatchRequest& request, const SinkPtr& sink) {
    const absl::Status status = core_.watches()->Watch(request, sink);
    Settle();
    return status;
  }
  void Unwatch(const v1::WatchRequest& request, const SinkPtr& sink) {
    core_.watches()->Unwatch(request, sink);
    Settle();
  }

  void SetRules(const config::v1::Config& config) {
    core_.rules()->Set(config);
    Settle();
  }

 private:
  // Asks a query and returns its answer.
  template <typename Response>
  absl::StatusOr<Response> Ask(
      absl::FunctionRef<void(Queries::Done<Response>)> query) {
    absl::StatusOr<Response> answer = absl::InternalError("not answered");
    query([&answer](absl::StatusOr<Response> value) {
      answer = std::move(value);
    });
    Settle();
    return answer;
  }

  Core core_;
  const std::function<void()> settle_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_HUB_H_
