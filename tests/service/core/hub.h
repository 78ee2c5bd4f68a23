// SPDX-License-Identifier: Apache-2.0
//
// All of the service but its rims, with a method for each thing that a test
// asks of it.

#ifndef HERALD_TESTS_SERVICE_CORE_HUB_H_
#define HERALD_TESTS_SERVICE_CORE_HUB_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/core.h"

namespace herald::core {

class Hub {
 public:
  Hub(const CoreOptions& options, Engine* engine, Authorizer* authorizer,
      Timers* timers, Observer* observer)
      : core_(options, engine, authorizer, timers, observer) {}

  Core* core() { return &core_; }
  void Start() { core_.Start(); }
  void Stop() { core_.Stop(); }
  bool ready() const { return core_.readiness().ready(); }

  std::shared_ptr<void> AwaitHello(const SinkPtr& sink) {
    return core_.links()->AwaitHello(sink);
  }
  absl::StatusOr<AttachmentPtr> Open(const link::v1::Hello& hello, SinkPtr sink,
                                     bool proven = false) {
    return core_.links()->Open(hello, std::move(sink), proven);
  }
  absl::Status Handle(const AttachmentPtr& gateway,
                      link::v1::GatewayItem item) {
    return core_.links()->Handle(gateway, std::move(item));
  }
  void Close(const AttachmentPtr& gateway, absl::string_view why) {
    core_.links()->Close(gateway, why);
  }

  void Broadcast(const v1::BroadcastRequest& request, Broadcasts::Done done) {
    core_.broadcasts()->Broadcast(request, std::move(done));
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

  auto GetMembers(const v1::GetMembersRequest& request) {
    return core_.queries()->GetMembers(request);
  }
  auto GetChannel(const v1::GetChannelRequest& request) {
    return core_.queries()->GetChannel(request);
  }
  auto ListChannels(const v1::ListChannelsRequest& request) {
    return core_.queries()->ListChannels(request);
  }
  auto GetStats() { return core_.queries()->GetStats(); }
  auto GetHistory(const v1::GetHistoryRequest& request) {
    return core_.queries()->GetHistory(request);
  }
  ServiceCounts Counts() { return core_.queries()->Counts(); }

  absl::Status Watch(const v1::WatchRequest& request, const SinkPtr& sink) {
    return core_.watches()->Watch(request, sink);
  }
  void Unwatch(const v1::WatchRequest& request, const SinkPtr& sink) {
    core_.watches()->Unwatch(request, sink);
  }

  void SetRules(const config::v1::Config& config) {
    core_.rules()->Set(config);
  }

 private:
  Core core_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_HUB_H_
