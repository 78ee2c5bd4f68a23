// SPDX-License-Identifier: Apache-2.0

#include "herald/client/broadcast_stream.h"

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "clients/cpp/convert.h"
#include "clients/cpp/dial.h"
#include "grpcpp/alarm.h"
#include "grpcpp/client_context.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/condition.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/limits.h"
#include "proto/contract/mutex.h"
#include "proto/contract/require.h"
#include "proto/contract/write_token.h"

namespace herald::client {
namespace {

BroadcastResult ToResult(const v1::BroadcastStreamResponse& response) {
  switch (response.response_case()) {
    case v1::BroadcastStreamResponse::kBroadcast:
      return ToReceipts(response.broadcast());
    case v1::BroadcastStreamResponse::kError:
      if (response.error().code() != 0) {
        return absl::Status(
            static_cast<absl::StatusCode>(response.error().code()),
            response.error().message());
      }
      break;
    case v1::BroadcastStreamResponse::RESPONSE_NOT_SET:
      break;
  }
  return absl::InternalError("the service sent an answer without a meaning");
}

}  // namespace

// Lifetime: the stream keeps its reactor alive through self_ until OnDone().
// The owners of the connection are destroyed earlier, see dial.h: the context
// before the end is announced, the stub on the thread of the destructor.
//
// Writing: only the holder of the write token calls StartWrite() or
// StartWritesDone(). The end of the write side also releases the hold, without
// which OnDone() is not called.
//
// A stream that breaks ends with OnReadDone(false), which takes the token if it
// is free, so that the hold is always released.
//
// Invariant: outbox_ is empty, or the token is held.
class BroadcastStream::Impl final
    : public grpc::ClientBidiReactor<v1::BroadcastStreamRequest,
                                     v1::BroadcastStreamResponse> {
 public:
  explicit Impl(BroadcastStreamOptions options)
      : in_flight_bytes_max_(options.in_flight_bytes_max),
        send_deadline_(options.send_deadline),
        keepalive_interval_(options.keepalive_interval) {
    const absl::Status status = CheckAccess(options.target, options.api_token);
    contract::MutexLock lock(&mutex_);
    if (status.ok()) {
      stub_ = v1::BroadcastService::NewStub(Dial(options.target));
      ShowApiToken(options.api_token, context_.get());
    } else {
      end_ = status;
      closed_ = true;
    }
  }

  void Start(std::shared_ptr<Impl> self) {
    {
      contract::MutexLock lock(&mutex_);
      if (closed_) return;  // The target or the token is refused.
      stub_->async()->BroadcastStream(context_.get(), this);
      weak_self_ = self;
      quiet_since_ = contract::SteadyNow();
      KeepAliveIn(keepalive_interval_);
    }
    self_ = std::move(self);
    AddHold();  // Writes are started outside of reactions.
    StartRead(&response_);
    StartCall();
  }

  // Blocks while the bound is reached, for `patience` at most.
  absl::Status Send(OutgoingEvent event, BroadcastCallback done,
                    absl::Duration patience) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Duration send_deadline() const { return send_deadline_; }

  absl::Status Finish(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the stream immediately, and waits until all callbacks have returned.
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // One event without an answer yet.
  struct Awaited {
    int64_t bytes = 0;
    BroadcastCallback done;
    bool is_keepalive = false;
  };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  // Calls KeepAlive() after `delay`; never, if keepalives are off.
  void KeepAliveIn(absl::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Sends a request without an event if nothing was written for an interval,
  // and schedules itself for the time when the next one may be due.
  void KeepAlive() ABSL_LOCKS_EXCLUDED(mutex_);

  // OK once there is room for `bytes`, at the latest at `deadline`.
  absl::Status WaitForRoom(int64_t bytes, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Takes the next step of the write side. REQUIRES: the caller holds the
  // token.
  void Write() ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the stream for a reason of our own; the first one counts.
  void Abandon(absl::Status cause) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const int64_t in_flight_bytes_max_;
  const absl::Duration send_deadline_;
  const absl::Duration keepalive_interval_;

  // Touched only by the thread of the BroadcastStream.
  std::unique_ptr<v1::BroadcastService::Stub> stub_;

  // Touched only by Start() and the read chain, at last by OnDone().
  std::shared_ptr<Impl> self_;
  v1::BroadcastStreamResponse response_;

  // Touched only by the holder of the token; lent to gRPC.
  v1::BroadcastStreamRequest writing_;

  contract::Mutex mutex_;
  contract::Condition changed_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_) =
      std::make_unique<grpc::ClientContext>();
  std::deque<v1::BroadcastStreamRequest> outbox_ ABSL_GUARDED_BY(mutex_);
  std::deque<Awaited> awaited_ ABSL_GUARDED_BY(mutex_);
  int64_t in_flight_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::weak_ptr<Impl> weak_self_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> look_ ABSL_GUARDED_BY(mutex_);
  // Since when nothing is being written, if the token is free.
  absl::Time quiet_since_ ABSL_GUARDED_BY(mutex_);
  // Intervals in a row in which a keepalive has had no answer.
  int64_t missed_keepalives_ ABSL_GUARDED_BY(mutex_) = 0;
  contract::WriteToken token_ ABSL_GUARDED_BY(mutex_);
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> cause_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;  // All callbacks have returned.
};

absl::Status BroadcastStream::Impl::WaitForRoom(int64_t bytes,
                                                absl::Time deadline) {
  while (true) {
    if (end_.has_value()) {
      if (!end_->ok()) return *end_;
      return absl::FailedPreconditionError("the stream has been finished");
    }
    if (finishing_) {
      return absl::FailedPreconditionError("the stream is being finished");
    }
    if (in_flight_bytes_ == 0 ||
        in_flight_bytes_ + bytes <= in_flight_bytes_max_) {
      return absl::OkStatus();
    }
    if (!changed_.WaitUntil(&mutex_, deadline)) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than in_flight_bytes_max (", in_flight_bytes_max_,
                       ") bytes wait for an answer"));
    }
  }
}

absl::Status BroadcastStream::Impl::Send(OutgoingEvent event,
                                         BroadcastCallback done,
                                         absl::Duration patience) {
  if (absl::Status status = CheckEvent(event); !status.ok()) return status;
  const int64_t bytes = BytesOf(event);
  v1::BroadcastStreamRequest request;
  *request.mutable_broadcast() = ToRequest(std::move(event));
  {
    contract::MutexLock lock(&mutex_);
    absl::Status status = WaitForRoom(bytes, contract::SteadyNow() + patience);
    if (!status.ok()) return status;
    in_flight_bytes_ += bytes;
    awaited_.push_back({bytes, std::move(done), /*is_keepalive=*/false});
    // On a broken stream nothing is written any more; OnDone() reports the end.
    if (broken_) return absl::OkStatus();
    outbox_.push_back(std::move(request));
    if (!token_.TryTake()) return absl::OkStatus();
  }
  Write();
  return absl::OkStatus();
}

void BroadcastStream::Impl::KeepAliveIn(absl::Duration delay) {
  if (keepalive_interval_ <= absl::ZeroDuration()) return;
  // A new one each time: an alarm that is set in its own function loses it. It
  // may fire when the stream is gone.
  look_ = std::make_unique<grpc::Alarm>();
  look_->Set(contract::GrpcDeadline(delay), [weak = weak_self_](bool ok) {
    const std::shared_ptr<Impl> self = ok ? weak.lock() : nullptr;
    if (self != nullptr) self->KeepAlive();
  });
}

void BroadcastStream::Impl::KeepAlive() {
  {
    contract::MutexLock lock(&mutex_);
    if (end_.has_value() || finishing_ || broken_) return;
    // While the token is held, something is being written, so that a whole
    // interval is left at least.
    absl::Duration rest = keepalive_interval_;
    if (token_.is_free()) rest -= contract::SteadyNow() - quiet_since_;
    const bool due = rest <= absl::ZeroDuration();
    KeepAliveIn(due ? keepalive_interval_ : rest);
    if (!due) return;
    // A service that does not answer is not sent one keepalive after another.
    // It counts as dead in the end, even if pings are answered: the next proxy
    // may do that.
    if (!awaited_.empty() && awaited_.back().is_keepalive) {
      if (++missed_keepalives_ == contract::kKeepalivesMissedMax) {
        Abandon(absl::UnavailableError("the service does not answer"));
      }
      return;
    }
    missed_keepalives_ = 0;
    awaited_.push_back(
        {0, [](const BroadcastResult&) {}, /*is_keepalive=*/true});
    outbox_.emplace_back();
    contract::Require(token_.TryTake());
  }
  Write();
}

void BroadcastStream::Impl::Write() {
  bool writes_done = false;
  grpc::WriteOptions options;
  {
    contract::MutexLock lock(&mutex_);
    contract::Require(token_.is_held());
    if (broken_ || (finishing_ && outbox_.empty())) {
      token_.End();
      outbox_.clear();
      writes_done = true;
    } else if (outbox_.empty()) {
      quiet_since_ = contract::SteadyNow();
      return token_.Release();
    } else {
      writing_ = std::move(outbox_.front());
      outbox_.pop_front();
      // Lets the transport gather queued messages into one write; the last one
      // has no hint and flushes.
      if (!outbox_.empty()) options.set_buffer_hint();
    }
  }
  if (writes_done) {
    StartWritesDone();
    RemoveHold();
  } else {
    StartWrite(&writing_, options);
  }
}

void BroadcastStream::Impl::OnWriteDone(bool ok) {
  if (!ok) {
    contract::MutexLock lock(&mutex_);
    broken_ = true;
  }
  Write();
}

void BroadcastStream::Impl::OnReadDone(bool ok) {
  Awaited answered;
  {
    contract::MutexLock lock(&mutex_);
    // The next answers could not be matched to events.
    if (ok && awaited_.empty()) {
      Abandon(absl::InternalError("the service sent an answer too many"));
      ok = false;
    }
    if (ok) {
      answered = std::move(awaited_.front());
      awaited_.pop_front();
      in_flight_bytes_ -= answered.bytes;
      changed_.NotifyAll();
    } else {
      broken_ = true;
      if (!token_.TryTake()) return;
    }
  }
  if (!ok) return Write();
  answered.done(ToResult(response_));
  StartRead(&response_);
}

// The last reaction, and so the only place where callbacks may be called
// without regard to OnReadDone().
void BroadcastStream::Impl::OnDone(const grpc::Status& status) {
  const std::shared_ptr<Impl> last_owner = std::move(self_);
  std::deque<Awaited> awaited;
  absl::Status end = contract::ToAbslStatus(status);
  {
    contract::MutexLock lock(&mutex_);
    awaited.swap(awaited_);
    in_flight_bytes_ = 0;
    if (cause_.has_value()) {
      end = *cause_;
    } else if (end.ok() && !(finishing_ && awaited.empty())) {
      end = absl::UnavailableError("the service ended the stream");
    }
    end_ = end;  // From here on Send() takes nothing.
    look_ = nullptr;
    changed_.NotifyAll();
  }
  for (Awaited& one : awaited) one.done(end);
  contract::MutexLock lock(&mutex_);
  context_.reset();
  closed_ = true;
  changed_.NotifyAll();
}

void BroadcastStream::Impl::Abandon(absl::Status cause) {
  if (end_.has_value()) return;
  if (!cause_.has_value()) cause_ = std::move(cause);
  context_->TryCancel();
}

absl::Status BroadcastStream::Impl::Finish(absl::Duration timeout) {
  const absl::Time deadline = contract::SteadyNow() + timeout;
  bool write = false;
  {
    contract::MutexLock lock(&mutex_);
    finishing_ = true;
    write = !end_.has_value() && token_.TryTake();
  }
  if (write) Write();
  contract::MutexLock lock(&mutex_);
  while (!closed_) {
    if (changed_.WaitUntil(&mutex_, deadline)) continue;
    Abandon(absl::DeadlineExceededError(absl::StrCat(
        "not everything was answered within ", absl::FormatDuration(timeout))));
    changed_.Wait(&mutex_);
  }
  return *end_;
}

void BroadcastStream::Impl::Cancel() {
  {
    contract::MutexLock lock(&mutex_);
    Abandon(absl::CancelledError("the stream was destroyed"));
    while (!closed_) changed_.Wait(&mutex_);
    context_.reset();
  }
  stub_.reset();
}

BroadcastStream::BroadcastStream(BroadcastStreamOptions options)
    : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->Start(impl_);
}

BroadcastStream::~BroadcastStream() { impl_->Cancel(); }

absl::Status BroadcastStream::Send(OutgoingEvent event,
                                   BroadcastCallback done) {
  return impl_->Send(std::move(event), std::move(done), impl_->send_deadline());
}

absl::Status BroadcastStream::TrySend(OutgoingEvent event,
                                      BroadcastCallback done) {
  return impl_->Send(std::move(event), std::move(done), absl::ZeroDuration());
}

absl::Status BroadcastStream::Finish(absl::Duration timeout) {
  return impl_->Finish(timeout);
}

}  // namespace herald::client
