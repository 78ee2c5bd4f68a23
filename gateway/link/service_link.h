// SPDX-License-Identifier: Apache-2.0
//
// Keeps one GatewayService.Attach stream to the service open, for ever: dials,
// lets the router attach, carries frames both ways, and dials again.
//
//   ServiceLink link({.targets = {"127.0.0.1:50051"}}, &router, &observer);
//   link.Start();
//   …
//   link.Stop();
//
// Threads: one of its own dials, one link at a time, and calls
// Router::LinkUp() and LinkDown(); gRPC's threads call Router::Receive(). None
// of these calls overlap.
//
// Order: targets are tried in theirs, the first one again after a link that
// was in use. Between two tries it waits contract::RedialBackoff(). Every try
// has a channel of its own, so gRPC's backoff of earlier tries delays nothing.
// A link to a later target ends as soon as the first one serves: two services
// that do not act as one divide the audience (Settings.cluster). Probes of the
// first target run beside the link, and delay nothing that concerns the link.
//
// Pauses of the process (SIGSTOP, the migration of a virtual machine) do not
// count in deadlines of a try: what arrived in a pause is read after it.
//
// Failure: never final. A link that ends, or does not begin, is told to the
// router with the reason. A service that cannot be reached at all is not the
// router's business; the observer hears of it once per target until a
// link was in use.

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
#include "gateway/router/link_gate.h"
#include "gateway/router/router.h"
#include "grpcpp/security/credentials.h"
#include "proto/contract/condition.h"
#include "proto/contract/limits.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

class HealthCheck;
class LinkStream;

struct ServiceLinkOptions {
  // gRPC targets of services, in the order of preference; at least one.
  std::vector<std::string> targets;

  // Shown to the service as a bearer token, unless it is empty.
  std::string api_token;

  // A link on which nothing was written for so long gets a keepalive.
  absl::Duration keepalive = absl::Seconds(contract::kKeepaliveSeconds);
};

class ServiceLink {
 public:
  // The pointers outlive the link. While `gate` is closed it is not read.
  ServiceLink(ServiceLinkOptions options, Router* router, Observer* observer,
              LinkGate* gate);

  // As Stop().
  ~ServiceLink();

  ServiceLink(const ServiceLink&) = delete;
  ServiceLink& operator=(const ServiceLink&) = delete;

  // Begins to dial. Once.
  void Start();

  // Writes what the router has said so far, within a second, then ends the
  // link. Returns when the router will not be called any more. Later calls
  // only wait for the first.
  void Stop();

  // Bytes that wait for the service, for metrics.
  int64_t queue_bytes() const ABSL_LOCKS_EXCLUDED(mu_);

  // Whether a service has answered on the link that there is now.
  bool up() const { return up_; }

 private:
  using StreamPtr = std::shared_ptr<LinkStream>;

  void Run();
  // Tries one target; returns when its link has ended. True if it was in use.
  bool Try(const std::string& target);
  // Waits until the link has ended, and keeps it alive meanwhile, or ends it
  // when it has to. Returns whether it ended to return to the first target.
  bool Attend(LinkStream& stream, const std::string& target);
  // Goes on with asking the first target whether it serves; never waits for
  // the target. `check` is the question under way, or null. Returns after how
  // long to call again; zero if the link to a later target should end.
  absl::Duration ProbeFirst(std::unique_ptr<HealthCheck>* check);
  // Ends a link, behind all that waits for the service.
  void Leave(LinkStream& stream);
  // Tells the observer that there is no service, unless it knows.
  void Unreachable(const std::string& target);
  // A frame has come.
  absl::Status Receive(link::v1::AttachResponse frame);
  bool SetStream(StreamPtr stream) ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const ServiceLinkOptions options_;
  Router* const router_;
  Observer* const observer_;
  LinkGate* const gate_;
  // Kept, for gRPC tears itself down whenever its last object goes.
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;

  // Touched only by the link's own thread.
  // When the last link in use ended; nothing before the first.
  std::optional<absl::Time> last_use_;
  // The targets that could not be reached since then.
  std::set<std::string> unreachable_;
  ReturnPolicy returns_;

  std::atomic<bool> up_{false};
  std::atomic<bool> cluster_{false};  // Settings.cluster.
  contract::Notification stop_;
  contract::Mutex stop_mu_;  // Held by Stop(), so that only one joins.
  std::thread thread_;

  mutable contract::Mutex mu_;
  StreamPtr stream_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LINK_SERVICE_LINK_H_
