// SPDX-License-Identifier: Apache-2.0
//
// A line on standard error as soon as the service cannot be reached, with its
// address and the time for which the command will retry.
//
// Threads: any.

#ifndef HERALD_CLIENTS_CLI_RETRY_NOTICE_H_
#define HERALD_CLIENTS_CLI_RETRY_NOTICE_H_

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clients/cli/commands.h"

namespace herald::cli {

class RetryNotice {
 public:
  explicit RetryNotice(const CommandContext& context);

  RetryNotice(const RetryNotice&) = delete;
  RetryNotice& operator=(const RetryNotice&) = delete;

  // Prints the line, unless it was printed since Reached().
  void OnRetry(const absl::Status& failure);

  // The service has answered: its next failure is printed again.
  void Reached();

  // OnRetry(), for `on_retry` of a client that this outlives.
  std::function<void(const absl::Status&)> callback();

 private:
  const std::string address_;
  const absl::Duration timeout_;
  std::atomic<bool> printed_ = false;
};

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_RETRY_NOTICE_H_
