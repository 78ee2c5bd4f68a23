// SPDX-License-Identifier: Apache-2.0

#include "gateway/link/service_link.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/link/health.h"
#include "gateway/link/link_stream.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"
#include "proto/contract/awake_clock.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/limits.h"
#include "proto/contract/redial_backoff.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using contract::MutexLock;
using contract::SteadyNow;

// The deadline of a connection attempt, and then of the first frame.
constexpr absl::Duration kConnectDeadline = absl::Seconds(5);
constexpr absl::Duration kAnswerDeadline = absl::Seconds(5);

// How long Stop() waits for queued bytes to be written.
constexpr absl::Duration kStopDeadline = absl::Seconds(1);

// A wait for a channel cannot be interrupted, so it is cut into pieces. So are
// waits that must detect a pause of the process.
constexpr absl::Duration kPiece = absl::Milliseconds(20);

// A thread whose piece took longer than this was paused with its process.
constexpr absl::Duration kGapMax = absl::Milliseconds(500);

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  // A proxy from the environment is meant for the web.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto bytes_max = static_cast<int>(contract::kLinkMessageBytesMax);
  arguments.SetMaxReceiveMessageSize(bytes_max);
  arguments.SetMaxSendMessageSize(bytes_max);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 5000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // gRPC's "minimum backoff" is the timeout of one connection attempt. A
  // service that is under load or far away needs more than the backoff.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
  // No subchannel of an earlier channel, and no hidden second attach.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return arguments;
}

bool Connect(grpc::Channel& channel, const contract::Notification& stop) {
  contract::AwakeClock clock(SteadyNow(), kPiece, kGapMax);
  const absl::Time deadline = clock.Read(SteadyNow()) + kConnectDeadline;
  for (;;) {
    const absl::Time now = clock.Read(SteadyNow());
    const grpc_connectivity_state state = channel.GetState(true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || now >= deadline ||
        stop.HasBeenNotified()) {
      return false;
    }
    channel.WaitForStateChange(state, contract::GrpcDeadline(kPiece));
  }
}

// Waits for `event`, for `time` without pauses of the process. Returns true if
// it was notified.
bool WaitAwake(contract::Notification& event, absl::Duration time) {
  contract::AwakeClock clock(SteadyNow(), kPiece, kGapMax);
  const absl::Time deadline = clock.Read(SteadyNow()) + time;
  for (;;) {
    const absl::Duration left = deadline - clock.Read(SteadyNow());
    if (left <= absl::ZeroDuration()) return event.HasBeenNotified();
    if (event.WaitForNotificationWithTimeout(std::min(left, kPiece))) {
      return true;
    }
  }
}

// When the service accepted the oldest publication, in microseconds since the
// Unix epoch; 0 if there is none.
int64_t OldestPublicationUs(const link::v1::AttachResponse& frame) {
  int64_t oldest_us = 0;
  for (const link::v1::ServiceItem& item : frame.items()) {
    const int64_t us = item.publication().published_us();
    if (us > 0 && (oldest_us == 0 || us < oldest_us)) oldest_us = us;
  }
  return oldest_us;
}

double Random() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::ldexp(static_cast<double>(engine() >> 11), -53);
}

}  // namespace

ServiceLink::ServiceLink(ServiceLinkOptions options, Router* router,
                         GatewayObserver* observer, LinkGate* gate)
    : options_(std::move(options)),
      router_(router),
      observer_(observer),
      gate_(gate),
      credentials_(grpc::InsecureChannelCredentials()) {
  contract::Require(!options_.targets.empty());
}

ServiceLink::~ServiceLink() { Stop(); }

void ServiceLink::Start() {
  contract::Require(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void ServiceLink::Stop() {
  MutexLock stopping(&stop_mu_);
  if (stop_.HasBeenNotified()) return;
  LinkStreamPtr stream;
  {
    MutexLock lock(&mu_);
    // In the section that reads the stream: a stream that is set later sees the
    // notification in SetStream().
    stop_.Notify();
    stream = stream_;
  }
  if (stream != nullptr) {
    stream->Stop();
    if (!stream->done().WaitForNotificationWithTimeout(kStopDeadline)) {
      stream->Cancel(absl::CancelledError("the gateway is shutting down"));
    }
  }
  if (thread_.joinable()) thread_.join();
}

int64_t ServiceLink::queue_bytes() const {
  MutexLock lock(&mu_);
  return stream_ == nullptr ? 0 : stream_->queue_bytes();
}

void ServiceLink::Run() {
  size_t next = 0;
  while (!stop_.HasBeenNotified()) {
    const bool used = Try(options_.targets[next]);
    next = used ? 0 : (next + 1) % options_.targets.size();
    stop_.WaitForNotificationWithTimeout(contract::RedialBackoff(Random()));
  }
}

bool ServiceLink::Try(const std::string& target) {
  const std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(target, credentials_, Arguments());
  if (!Connect(*channel, stop_)) {
    Unreachable(target);
    return false;
  }
  const auto stream =
      std::make_shared<LinkStream>(channel, options_.api_token, gate_,
                                   [this](link::v1::AttachResponse frame) {
                                     return Receive(std::move(frame));
                                   });
  // A cancelled stream takes the same path to its end: without Start(), gRPC
  // would never finish it.
  if (!SetStream(stream)) {
    stream->Cancel(absl::CancelledError("the gateway is shutting down"));
  }
  absl::Duration down = absl::ZeroDuration();
  if (last_use_.has_value()) {
    down = SteadyNow() - *last_use_;
  }
  // Before Start(): `hello` has to be the first item, and no frame may be
  // received before the router knows the link.
  router_->LinkUp(stream, down);
  stream->Start();
  const bool returns = Attend(*stream, target);
  SetStream(nullptr);
  up_ = false;
  // settled() is read before LinkDown() resets it.
  // A link that never came into use has not delivered the missed publications,
  // so `down` keeps growing.
  const bool used = router_->settled();
  if (used) {
    last_use_ = SteadyNow();
    unreachable_.clear();
  }
  std::string why =
      stream->why().ok() ? "it closed the link" : stream->why().ToString();
  if (returns) {
    why = absl::StrCat("returning to service ", options_.targets.front(),
                       ", which is serving again");
  }
  router_->LinkDown(absl::StrCat("service ", target, ": ", why));
  returns_.OnLinkEnded(target == options_.targets.front(), SteadyNow());
  return used;
}

absl::Status ServiceLink::Receive(link::v1::AttachResponse frame) {
  if (!up_.exchange(true)) observer_->OnLinkOpened();
  const int64_t oldest_us = OldestPublicationUs(frame);
  if (oldest_us > 0) {
    observer_->OnLinkLag(absl::Now() - absl::FromUnixMicros(oldest_us));
  }
  for (const link::v1::ServiceItem& item : frame.items()) {
    if (item.has_settings()) cluster_ = item.settings().cluster();
  }
  return router_->Receive(std::move(frame));
}

bool ServiceLink::Attend(LinkStream& stream, const std::string& target) {
  if (!WaitAwake(stream.first(), kAnswerDeadline)) {
    stream.Cancel(absl::DeadlineExceededError("the service does not answer"));
  }
  absl::Duration until_write = options_.keepalive;
  absl::Duration until_look = options_.keepalive;
  std::unique_ptr<HealthCheck> check;  // Of the first target.
  absl::Duration until_probe = target == options_.targets.front()
                                   ? absl::InfiniteDuration()
                                   : returns_.pause();
  for (;;) {
    const absl::Duration pause =
        std::min({until_write, until_look, until_probe});
    if (stream.done().WaitForNotificationWithTimeout(pause)) return false;
    until_write -= pause;
    until_look -= pause;
    until_probe -= pause;
    if (until_write <= absl::ZeroDuration()) {
      until_write = stream.KeepAlive(options_.keepalive);
    }
    if (until_look <= absl::ZeroDuration()) {
      stream.CheckSilence();
      until_look = options_.keepalive;
    }
    if (until_probe <= absl::ZeroDuration()) {
      until_probe = ProbeFirst(&check);
      if (until_probe > absl::ZeroDuration()) continue;
      Leave(stream);
      return true;
    }
  }
}

absl::Duration ServiceLink::ProbeFirst(std::unique_ptr<HealthCheck>* check) {
  const bool may_return =
      !cluster_ && router_->settled() && !stop_.HasBeenNotified();
  if (*check == nullptr) {
    if (!may_return) return returns_.pause();
    *check = std::make_unique<HealthCheck>(
        grpc::CreateCustomChannel(options_.targets.front(), credentials_,
                                  Arguments()),
        kConnectDeadline + kAnswerDeadline);
    return kPiece;
  }
  // Polled: a wait for the answer once kept the end of the link unnoticed for
  // 10 s (ALink.IsAttendedWhileTheFirstServiceDoesNotAnswerAProbe).
  if (!(*check)->answered()) return kPiece;
  const bool serving = (*check)->serving();
  check->reset();
  // Settings may have arrived since the probe began: services of a cluster are
  // no reason to move (ALink.StaysWithAServiceOfACluster).
  return serving && may_return ? absl::ZeroDuration() : returns_.pause();
}

void ServiceLink::Leave(LinkStream& stream) {
  link::v1::AttachRequest frame;
  frame.add_items()->mutable_moving()->set_target(options_.targets.front());
  stream.Enqueue(UplinkChunk::Encode(frame));
  // Half-closed, and cancelled only after a second: the queued items are to
  // arrive.
  stream.Stop();
  if (!stream.done().WaitForNotificationWithTimeout(kStopDeadline)) {
    stream.Cancel(
        absl::CancelledError("the gateway returns to its first service"));
    stream.done().WaitForNotification();
  }
  returns_.OnReturn(SteadyNow());
}

void ServiceLink::Unreachable(const std::string& target) {
  if (stop_.HasBeenNotified() || !unreachable_.insert(target).second) return;
  observer_->OnLinkEnded(
      absl::StrCat("service ", target, ": cannot be reached"));
}

bool ServiceLink::SetStream(LinkStreamPtr stream) {
  MutexLock lock(&mu_);
  stream_ = std::move(stream);
  return !stop_.HasBeenNotified();
}

}  // namespace herald::gateway
