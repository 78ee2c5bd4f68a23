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

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/core.h"

namespace herald::core {

class Hub {
 public:
  // `settle` has the engine answer all that it was asked; nullptr: it has.
  Hub(const CoreOptions& options, Engine* engine, Authorizer* authorizer,
      Timers* timers, Observer* observer,
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
  }
  template <typename Done>
  void Unsubscribe(const v1::UnsubscribeRequest& request, Done done) {
    core_.commands()->Unsubscribe(request, std::move(done));
  }
  template <typename Done>
  void Disconnect(const v1::DisconnectRequest& request, Done done) {
    core_.commands()->Disconnect(request, std::move(done));
  }
  absl::Status Revoke(v1::Revocation revocation) {
    return core_.commands()->Revoke(std::move(revocation));
  }

  absl::StatusOr<v1::GetMembersResponse> GetMembers(
      const v1::GetMembersRequest& request) {
    Answer<v1::GetMembersResponse> answer;
    core_.queries()->GetMembers(request, answer.Taker());
    return Settled(answer);
  }
  absl::StatusOr<v1::GetChannelResponse> GetChannel(
      const v1::GetChannelRequest& request) {
    Answer<v1::GetChannelResponse> answer;
    core_.queries()->GetChannel(request, answer.Taker());
    return Settled(answer);
  }
  absl::StatusOr<v1::ListChannelsResponse> ListChannels(
      const v1::ListChannelsRequest& request) {
    Answer<v1::ListChannelsResponse> answer;
    core_.queries()->ListChannels(request, answer.Taker());
    return Settled(answer);
  }
  absl::StatusOr<v1::GetStatsResponse> GetStats() {
    Answer<v1::GetStatsResponse> answer;
    core_.queries()->GetStats(answer.Taker());
    return Settled(answer);
  }
  absl::StatusOr<v1::GetHistoryResponse> GetHistory(
      const v1::GetHistoryRequest& request) {
    Answer<v1::GetHistoryResponse> answer;
    core_.queries()->GetHistory(request, answer.Taker());
    return Settled(answer);
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
  // What a query was answered.
  template <typename Response>
  struct Answer {
    std::shared_ptr<absl::StatusOr<Response>> value =
        std::make_shared<absl::StatusOr<Response>>(
            absl::InternalError("not answered"));

    Queries::Done<Response> Taker() const {
      return [to = value](absl::StatusOr<Response> answer) {
        *to = std::move(answer);
      };
    }
  };
  template <typename Response>
  absl::StatusOr<Response> Settled(const Answer<Response>& answer) {
    Settle();
    return std::move(*answer.value);
  }

  Core core_;
  const std::function<void()> settle_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_HUB_H_
