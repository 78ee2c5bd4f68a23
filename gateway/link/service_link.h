// SPDX-License-Identifier: Apache-2.0
//
// Keeps one GatewayService.Attach stream to the service open: dials, lets the
// router attach, carries frames both ways, and redials.
//
//   ServiceLink link({.targets = {"127.0.0.1:50051"}}, &router, &observer);
//   link.Start();
//   …
//   link.Stop();
//
// Threads: one thread of its own dials, one link at a time, and calls
// Router::LinkUp() and LinkDown(). gRPC's threads call Router::Receive(). These
// calls never overlap.
//
// Order: targets are tried in their order, and the first one again after a link
// that was in use. Between two attempts it waits contract::RedialBackoff().
// Every attempt has a channel of its own, so gRPC's backoff of earlier attempts
// delays nothing. A link to a later target ends as soon as the first one
// serves. Two services that do not act as one would split the audience
// (Settings.cluster). Probes of the first target run beside the link and do not
// delay it.
//
// Pauses: deadlines of an attempt exclude pauses of the process (SIGSTOP, the
// migration of a virtual machine). Frames that arrived in a pause are read
// after it.
//
// Failure: never final. If a link ends or cannot be opened, the router receives
// the reason. An unreachable service does not concern the router; the observer
// is notified once per target until a link was in use.

#ifndef HERALD_GATEWAY_LINK_SERVICE_LINK_H_
#define HERALD_GATEWAY_LINK_SERVICE_LINK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "gateway/link/return_policy.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/router.h"
#include "gateway/uplink/link_gate.h"
#include "grpcpp/security/credentials.h"
#include "proto/contract/condition.h"
#include "proto/contract/limits.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

class HealthCheck;
class LinkStream;

struct ServiceLinkOptions {
  // gRPC targets of services, in order of preference; at least one.
  std::vector<std::string> targets;

  // Sent to the service as a bearer token, unless empty.
  std::string api_token;

  // A link without a write for this long gets a keepalive.
  absl::Duration keepalive = absl::Seconds(contract::kKeepaliveSeconds);
};

class ServiceLink {
 public:
  // The pointers outlive the link. While `gate` is closed the link is not read.
  ServiceLink(ServiceLinkOptions options, Router* router,
              GatewayObserver* observer, LinkGate* gate);

  // Calls Stop().
  ~ServiceLink();

  ServiceLink(const ServiceLink&) = delete;
  ServiceLink& operator=(const ServiceLink&) = delete;

  // Starts dialing. Called once.
  void Start();

  // Writes the items that the router has enqueued, within a second, then ends
  // the link. After it returns, the router is not called any more. Later calls
  // only wait for the first.
  void Stop();

  // Bytes queued for the service, for metrics.
  int64_t queue_bytes() const ABSL_LOCKS_EXCLUDED(mu_);

  // Returns true if the service has sent a frame on the current link.
  bool up() const { return up_; }

 private:
  using LinkStreamPtr = std::shared_ptr<LinkStream>;

  void Run();
  // Tries one target and returns when its link has ended. Returns true if the
  // link was in use.
  bool Try(const std::string& target);
  // Waits until the link has ended. Meanwhile sends its keepalives, and ends it
  // if necessary. Returns true if it ended to return to the first target.
  bool Attend(LinkStream& stream, const std::string& target);
  // Advances the probe of the first target; never blocks on it. `check` is the
  // open probe, or null. Returns the time until the next call; zero if the link
  // to a later target should end.
  absl::Duration ProbeFirst(std::unique_ptr<HealthCheck>* check);
  // Ends a link, behind all bytes queued for the service.
  void Leave(LinkStream& stream);
  // Notifies the observer that the target is unreachable, once.
  void Unreachable(const std::string& target);
  // Passes a received frame on.
  absl::Status Receive(link::v1::AttachResponse frame);
  bool SetStream(LinkStreamPtr stream) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const ServiceLinkOptions options_;
  Router* const router_;
  GatewayObserver* const observer_;
  LinkGate* const gate_;
  // Kept: gRPC shuts down when its last object is destroyed.
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;

  // Used only by the link's own thread.
  // When the last link in use ended; nullopt before the first.
  std::optional<absl::Time> last_use_;
  // The targets that could not be reached since then.
  std::set<std::string> unreachable_;
  ReturnPolicy returns_;

  std::atomic<bool> up_{false};
  std::atomic<bool> cluster_{false};  // Settings.cluster.
  contract::Notification stop_;
  contract::Mutex stop_mu_;  // Held by Stop(), so that only one call joins.
  std::thread thread_;

  mutable contract::Mutex mu_;
  LinkStreamPtr stream_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LINK_SERVICE_LINK_H_
