// SPDX-License-Identifier: Apache-2.0

#include "herald/client/watch.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "clients/cpp/condition.h"
#include "clients/cpp/dial.h"
#include "grpcpp/client_context.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/mutex.h"

namespace herald::client {
namespace {

absl::Status CheckOptions(const WatchOptions& options) {
  absl::Status status = CheckApiToken(options.api_token);
  for (const std::string& channel : options.channels) {
    if (status.ok()) status = CheckTexts({{"channel", channel}});
  }
  return status;
}

}  // namespace

// Lifetime: the stream keeps its reactor alive through self_ until OnDone().
// What holds the connection goes earlier, see dial.h: the context before the
// end is announced, the stub on the thread of the destructor.
class Watch::Impl final : public grpc::ClientReadReactor<v1::WatchResponse> {
 public:
  Impl(WatchOptions options, MessageCallback on_message, EndCallback on_end)
      : on_message_(std::move(on_message)),
        on_end_(std::move(on_end)),
        stub_(v1::BroadcastService::NewStub(Dial(options.target))) {
    for (std::string& channel : options.channels) {
      request_.add_channels(std::move(channel));
    }
    contract::MutexLock lock(&mutex_);
    ShowApiToken(options.api_token, context_.get());
  }

  void Start(std::shared_ptr<Impl> self) {
    self_ = std::move(self);
    {
      contract::MutexLock lock(&mutex_);
      stub_->async()->Watch(context_.get(), &request_, this);
    }
    StartRead(&response_);
    StartCall();
  }

  // Ends without having begun.
  void Refuse(const absl::Status& status) {
    on_end_(status);
    contract::MutexLock lock(&mutex_);
    context_.reset();
    ended_ = true;
  }

  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_) {
    contract::MutexLock lock(&mutex_);
    cancelled_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }

  // Waits for the end and lets the connection go.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      contract::MutexLock lock(&mutex_);
      while (!ended_) changed_.Wait(&mutex_);
    }
    stub_.reset();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;  // OnDone() has the reason.
    if (!Cancelled()) on_message_(response_.message());
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<Impl> last_owner = std::move(self_);
    on_end_(contract::ToAbslStatus(status));
    contract::MutexLock lock(&mutex_);
    context_.reset();
    ended_ = true;
    changed_.NotifyAll();
  }

  bool Cancelled() ABSL_LOCKS_EXCLUDED(mutex_) {
    contract::MutexLock lock(&mutex_);
    return cancelled_;
  }

  // Touched only by Start() and the reactions, which come one at a time.
  MessageCallback on_message_;
  EndCallback on_end_;
  std::shared_ptr<Impl> self_;
  v1::WatchRequest request_;
  v1::WatchResponse response_;

  // Touched only by the thread of the Watch.
  std::unique_ptr<v1::BroadcastService::Stub> stub_;

  contract::Mutex mutex_;
  Condition changed_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_) =
      std::make_unique<grpc::ClientContext>();
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

Watch::Watch(WatchOptions options, MessageCallback on_message,
             EndCallback on_end)
    : impl_([&] {
        const absl::Status status = CheckOptions(options);
        if (!status.ok()) options = {};
        auto impl = std::make_shared<Impl>(
            std::move(options), std::move(on_message), std::move(on_end));
        if (status.ok()) {
          impl->Start(impl);
        } else {
          impl->Refuse(status);
        }
        return impl;
      }()) {}

Watch::~Watch() {
  impl_->Cancel();
  impl_->Close();
}

void Watch::Cancel() { impl_->Cancel(); }

}  // namespace herald::client
