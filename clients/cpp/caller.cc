// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/caller.h"

namespace herald::client {

Caller::Caller(const std::string& target, std::string api_token,
               absl::Duration deadline, RetryCallback on_retry)
    : calls_(std::make_shared<CallSet>(CallSettings{
          target, std::move(api_token), deadline, std::move(on_retry)})) {}

Caller::~Caller() { calls_->Close(); }

}  // namespace herald::client
