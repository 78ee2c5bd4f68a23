// SPDX-License-Identifier: Apache-2.0

#include "herald/client/watch.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "clients/cpp/dial.h"
#include "clients/cpp/positions.h"
#include "google/protobuf/duration.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/client_context.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/condition.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/mutex.h"
#include "proto/contract/require.h"
#include "proto/contract/silence.h"

namespace herald::client {
namespace {

// OK if the options can be sent to the service.
absl::Status CheckOptions(const WatchOptions& options, Positions* positions) {
  absl::Status status = CheckAccess(options.target, options.api_token);
  for (const std::string& channel : options.channels) {
    if (status.ok()) status = CheckTexts({{"channel", channel}});
  }
  return status.ok() ? positions->Start(options.since) : status;
}

}  // namespace

// Order: StartStream(), the reactions of that stream, OnStreamDone(), then the
// pause and the next stream, or the end. Never two of them at the same time.
//
// Lifetime: a step keeps the Impl alive until it has returned. Between two of
// them the Watch does, until Close() has seen the end: an alarm keeps its
// function, which therefore must not own the alarm's owner. The owners of the
// connection are destroyed earlier, see dial.h: the context before the end is
// announced, the stub on the thread of the destructor.
class Watch::Impl final : public std::enable_shared_from_this<Watch::Impl> {
 public:
  Impl(WatchOptions options, MessageCallback on_message, LossCallback on_loss,
       EndCallback on_end)
      : give_up_after_(options.give_up_after),
        keepalive_interval_(options.keepalive_interval),
        on_retry_(std::move(options.on_retry)),
        on_message_(std::move(on_message)),
        on_loss_(std::move(on_loss)),
        on_end_(std::move(on_end)) {
    contract::Require(give_up_after_ >= absl::ZeroDuration());
    contract::Require(keepalive_interval_ >= absl::ZeroDuration());
    {
      contract::MutexLock lock(&mutex_);
      refusal_ = CheckOptions(options, &positions_);
    }
    if (!refusal_.ok()) return;
    api_token_ = std::move(options.api_token);
    stub_ = v1::BroadcastService::NewStub(Dial(options.target));
    for (std::string& channel : options.channels) {
      request_.add_channels(std::move(channel));
    }
    if (keepalive_interval_ == absl::ZeroDuration()) return;
    absl::Duration nanos;
    google::protobuf::Duration& interval =
        *request_.mutable_keepalive_interval();
    interval.set_seconds(
        absl::IDivDuration(keepalive_interval_, absl::Seconds(1), &nanos));
    interval.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(nanos)));
  }

  void Start() {
    if (!refusal_.ok()) return End(refusal_);
    StartStream();
  }

  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits for the end and releases the connection.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<v1::ChannelPosition> positions() const
      ABSL_LOCKS_EXCLUDED(mutex_) {
    contract::MutexLock lock(&mutex_);
    return positions_.Get();
  }

 private:
  class Stream;

  // Dials, unless the Watch was cancelled meanwhile.
  void StartStream() ABSL_LOCKS_EXCLUDED(mutex_);

  void OnResponse(const v1::WatchResponse& response)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnMessage(const v1::ServerMessage& message) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnStreamDone(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  // Checks after each keepalive interval whether the stream is dead.
  void ListenOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Listen() ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether another stream may do better than the one that has just ended so.
  bool MayRedial(const absl::Status& status) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void End(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const absl::Duration give_up_after_;
  const absl::Duration keepalive_interval_;
  const std::function<void(const absl::Status&)> on_retry_;
  std::string api_token_;
  absl::Status refusal_;

  // Touched by one of the steps above at a time.
  MessageCallback on_message_;
  LossCallback on_loss_;
  EndCallback on_end_;
  v1::WatchRequest request_;
  absl::Time away_since_ = contract::SteadyNow();

  // Used by these steps until the end, then by the thread of the destructor.
  std::unique_ptr<v1::BroadcastService::Stub> stub_;

  mutable contract::Mutex mutex_;
  contract::Condition changed_;
  Positions positions_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  grpc::Alarm pause_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> look_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<contract::Silence> silence_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;  // The callback; nothing is read.
  bool silent_ ABSL_GUARDED_BY(mutex_) = false;  // And so we ended the stream.
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;   // This stream has a message.
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// One call, which deletes itself when it is done.
class Watch::Impl::Stream final
    : public grpc::ClientReadReactor<v1::WatchResponse> {
 public:
  explicit Stream(std::shared_ptr<Impl> watch) : watch_(std::move(watch)) {}

  void Start() {
    StartRead(&response_);
    StartCall();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;  // OnDone() has the reason.
    watch_->OnResponse(response_);
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    const std::unique_ptr<Stream> self(this);
    watch_->OnStreamDone(contract::ToAbslStatus(status));
  }

  const std::shared_ptr<Impl> watch_;
  v1::WatchResponse response_;
};

void Watch::Impl::StartStream() {
  const std::shared_ptr<Impl> self = shared_from_this();
  Stream* stream = nullptr;
  {
    contract::MutexLock lock(&mutex_);
    if (!cancelled_) {
      begun_ = false;
      positions_.Begin(&request_);
      context_ = std::make_unique<grpc::ClientContext>();
      ShowApiToken(api_token_, context_.get());
      silence_ = std::make_unique<contract::Silence>();
      silent_ = false;
      ListenOn();
      stream = new Stream(self);
      stub_->async()->Watch(context_.get(), &request_, stream);
    }
  }
  if (stream == nullptr) return End(absl::CancelledError("cancelled"));
  stream->Start();
}

void Watch::Impl::ListenOn() {
  if (keepalive_interval_ == absl::ZeroDuration()) return;
  // A new one each time: an alarm that is set in its own function loses it. It
  // may fire when the Watch is gone.
  look_ = std::make_unique<grpc::Alarm>();
  look_->Set(contract::GrpcDeadline(keepalive_interval_),
             [weak = weak_from_this()](bool ok) {
               const std::shared_ptr<Impl> self = ok ? weak.lock() : nullptr;
               if (self != nullptr) self->Listen();
             });
}

void Watch::Impl::Listen() {
  contract::MutexLock lock(&mutex_);
  if (silence_ == nullptr || context_ == nullptr) return;
  if (busy_) silence_->Heard(/*is_keepalive=*/false);
  silent_ = silence_->Tick();
  if (!silent_) return ListenOn();
  context_->TryCancel();
}

void Watch::Impl::OnResponse(const v1::WatchResponse& response) {
  {
    contract::MutexLock lock(&mutex_);
    silence_->Heard(response.has_keepalive());
    if (response.has_keepalive()) return;
    busy_ = true;
  }
  OnMessage(response.message());
  contract::MutexLock lock(&mutex_);
  busy_ = false;
}

void Watch::Impl::OnMessage(const v1::ServerMessage& message) {
  std::optional<Loss> loss;
  {
    contract::MutexLock lock(&mutex_);
    if (cancelled_) return;
    begun_ = true;
    if (message.has_subscribed()) {
      loss = positions_.Confirm(message.subscribed());
    }
    if (message.has_event() && !positions_.Take(message.event())) return;
  }
  if (loss.has_value()) on_loss_(*loss);
  on_message_(message);
}

bool Watch::Impl::MayRedial(const absl::Status& status) const {
  if (cancelled_ || status.ok()) return false;
  // We have not cancelled it: the service goes away.
  return begun_ || absl::IsUnavailable(status) || absl::IsCancelled(status);
}

void Watch::Impl::OnStreamDone(const absl::Status& ended) {
  absl::Status status = ended;
  absl::Time again;
  bool redials = false;
  bool failed = false;
  {
    contract::MutexLock lock(&mutex_);
    look_ = nullptr;
    silence_ = nullptr;
    if (silent_ && !cancelled_) {
      status = absl::UnavailableError("the stream was silent for too long");
    }
    if (begun_) away_since_ = contract::SteadyNow();
    again = contract::SteadyNow() + DrawRedialBackoff();
    redials = MayRedial(status) && again < away_since_ + give_up_after_;
    failed = !begun_;
  }
  if (!redials) return End(status);
  if (failed && on_retry_ != nullptr) on_retry_(status);
  contract::MutexLock lock(&mutex_);
  // If it was cancelled, the alarm fires soon, and StartStream() checks that.
  pause_.Set(contract::GrpcDeadline(again - contract::SteadyNow()),
             [this](bool) { StartStream(); });
}

void Watch::Impl::End(const absl::Status& status) {
  on_end_(status);
  contract::MutexLock lock(&mutex_);
  context_.reset();
  ended_ = true;
  changed_.NotifyAll();
}

void Watch::Impl::Cancel() {
  contract::MutexLock lock(&mutex_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
  pause_.Cancel();
}

void Watch::Impl::Close() {
  {
    contract::MutexLock lock(&mutex_);
    while (!ended_) changed_.Wait(&mutex_);
  }
  stub_.reset();
}

Watch::Watch(WatchOptions options, MessageCallback on_message,
             LossCallback on_loss, EndCallback on_end)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(on_message),
                                   std::move(on_loss), std::move(on_end))) {
  impl_->Start();
}

Watch::~Watch() {
  impl_->Cancel();
  impl_->Close();
}

void Watch::Cancel() { impl_->Cancel(); }

std::vector<v1::ChannelPosition> Watch::positions() const {
  return impl_->positions();
}

}  // namespace herald::client
