// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/call_set.h"

#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "clients/cpp/dial.h"
#include "proto/contract/require.h"

namespace herald::client {

CallSet::CallSet(CallSettings settings)
    : settings_(std::make_shared<const CallSettings>(std::move(settings))),
      access_status_(CheckAccess(settings_->target, settings_->api_token)) {
  contract::Require(settings_->deadline > absl::ZeroDuration());
  if (!access_status_.ok()) return;
  stub_ = v1::BroadcastService::NewStub(Dial(settings_->target));
}

void CallSet::Start(std::shared_ptr<RetryingCall> call) {
  {
    contract::MutexLock lock(&mutex_);
    calls_.insert(call);
  }
  call->Start(access_status_, [self = shared_from_this()](const auto& ended) {
    self->Remove(ended);
  });
}

void CallSet::Close() {
  std::vector<std::shared_ptr<RetryingCall>> calls;
  {
    contract::MutexLock lock(&mutex_);
    calls.assign(calls_.begin(), calls_.end());
  }
  for (const auto& call : calls) call->Cancel();
  {
    contract::MutexLock lock(&mutex_);
    while (!calls_.empty()) changed_.Wait(&mutex_);
  }
  stub_.reset();
}

void CallSet::Remove(const std::shared_ptr<RetryingCall>& call) {
  contract::MutexLock lock(&mutex_);
  calls_.erase(call);
  if (calls_.empty()) changed_.NotifyAll();
}

}  // namespace herald::client
